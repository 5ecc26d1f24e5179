-- expect: limit memory_limit; state kept
print(setmetatable({}, { __tostring = function() return ("y"):rep(1 << 26) end }))
