-- expect: values [1, 2, 4, 3]
x = 1
local y = 2
local function bump() y = y + 1 return y end
local z = y
-- next cell
return x, z, (function() bump() return bump() end)(), y - 1
