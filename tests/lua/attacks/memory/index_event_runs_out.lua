-- expect: limit memory_limit; state kept
return #setmetatable({}, { __index = function() return ("y"):rep(1 << 26) end }).x
