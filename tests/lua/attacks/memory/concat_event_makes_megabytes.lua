-- expect: limit memory_limit; state kept
return setmetatable({}, { __concat = function() return ("y"):rep(1 << 26) end }) .. "a"
