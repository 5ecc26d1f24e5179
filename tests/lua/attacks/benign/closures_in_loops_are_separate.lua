-- expect: value [1, 2, 3]
local t = {}
for i = 1, 3 do t[i] = function() return i end end
return { t[1](), t[2](), t[3]() }
