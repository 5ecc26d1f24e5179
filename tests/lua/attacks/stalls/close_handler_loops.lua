-- expect: limit cpu_limit; state kept
do local held <close> = setmetatable({}, { __close = function() while true do end end }) end
