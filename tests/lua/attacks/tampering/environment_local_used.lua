-- expect: value 1
local _ENV = { x = 1 }
return x
