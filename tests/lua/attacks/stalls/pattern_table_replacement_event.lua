-- expect: limit cpu_limit; state kept
("x"):gsub("x", setmetatable({}, { __index = function() while true do end end }))
