-- expect: limit memory_limit; state kept
do local held <close> = setmetatable({}, { __close = function() return ("y"):rep(1 << 26) end }) end
