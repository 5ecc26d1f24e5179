-- expect: value 500000500000
local s = 0
for i = 1, 1000000 do s = s + i end
return s
