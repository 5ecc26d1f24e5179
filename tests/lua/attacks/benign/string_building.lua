-- expect: value 588895
local parts = {}
for i = 1, 100000 do parts[i] = tostring(i) end
return #table.concat(parts, ",") + 1
