-- expect: limit cpu_limit; state kept
return setmetatable({}, { __concat = function() while true do end end }) .. "x"
