-- expect: limit cpu_limit; state kept
print(setmetatable({}, { __tostring = function() while true do end end }))
