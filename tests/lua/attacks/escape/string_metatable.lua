-- expect: values [false, "attack.lua:2: bad argument #1 to 'setmetatable' (table expected, got string)"]
return getmetatable(""), select(2, pcall(setmetatable, "", {}))
