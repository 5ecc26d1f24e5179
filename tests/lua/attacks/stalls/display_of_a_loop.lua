-- expect: limit cpu_limit; state kept
display(setmetatable({}, { __tostring = function() while true do end end }))
while true do end
