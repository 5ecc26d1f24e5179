-- expect: values [null, 1, 2, true, false]
local t = setmetatable({ 1, 2 }, { __index = function() return "x" end, __len = function() return 99 end })
return rawget(t, 5), rawget(t, 1), rawlen(t), rawequal(t, t), rawequal(t, {})
