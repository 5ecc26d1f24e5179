-- expect: harmless
local odd = setmetatable({}, { __index = function(_, key) return key == "limit" and 1e9 or error("bite") end, __pairs = error, __len = error })
print(#parallel.map({ 1, 2 }, function(n) return n end, odd))
print(pcall(parallel.map, { 1 }, print, { limit = setmetatable({}, { __lt = error, __index = error }) }))
print(pcall(parallel.map, { 1 }, print, { limit = -1 }))
print(pcall(parallel.map, { 1 }, print, { limit = 0 / 0 }))
print(pcall(parallel.map, { 1 }, print, { limit = "16" }))
print(pcall(parallel.map, { 1 }, print, { ["\0\255"] = 1, [{}] = 2, [1.5] = 3 }))
print(pcall(parallel.map, { 1 }, print, app))
