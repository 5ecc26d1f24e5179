-- expect: value 20000; state kept
local parts = {}
for i = 1, 20000 do parts[i] = ('"k%d":%d'):format(i, i) end
return json.decode("{" .. table.concat(parts, ",") .. "}").k20000
