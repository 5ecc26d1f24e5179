-- expect: limit cpu_limit; state kept
return setmetatable({}, { __index = function() while true do end end }).x
