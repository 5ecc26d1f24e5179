-- expect: harmless
local parts = {}
for i = 1, 200000 do parts[i] = i .. ".5" end
return load("return {" .. table.concat(parts, ",") .. "}")
