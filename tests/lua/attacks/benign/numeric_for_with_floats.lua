-- expect: value [1.0, 1.5, 2.0]
local t = {}
for x = 1.0, 2.0, 0.5 do t[#t + 1] = x end
return t
