-- expect: nothing; state kept
local parts = {}
for i = 1, 190 do parts[i] = "v" .. i end
return load("local " .. table.concat(parts, ", ") .. " = 1")()
