-- expect: limit cpu_limit; state kept
return #setmetatable({}, { __len = function() while true do end end })
