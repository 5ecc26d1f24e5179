-- expect: harmless
local parts = {}
for i = 1, 20000 do parts[i] = "goto l" .. i .. " ::l" .. i .. "::" end
return load(table.concat(parts, " "))
