-- expect: values ["attack.lua:2: attempt to index a nil value (global 'nothing')", "attack.lua:3: attempt to perform arithmetic on a nil value (field 'y')"]
local a = select(2, pcall(function() return nothing.x end))
local b = select(2, pcall(function() local t = {} return t.y + 1 end))
return a, b
