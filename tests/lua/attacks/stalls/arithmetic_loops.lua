-- expect: limit cpu_limit; state kept
return 1 + setmetatable({}, { __add = function() while true do end end })
