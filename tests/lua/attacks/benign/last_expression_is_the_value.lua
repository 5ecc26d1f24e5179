-- expect: value 6
local a, b = 2, 3
a * b
