-- expect: limit cpu_limit|memory_limit
local function deep(n) return parallel.map({ 1, 2, 3 }, function() return deep(n + 1) end) end
deep(1)
