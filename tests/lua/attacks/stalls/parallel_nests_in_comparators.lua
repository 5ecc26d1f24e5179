-- expect: limit cpu_limit|memory_limit
local function deep()
  table.sort({ 1, 2, 3 }, function() parallel.map({ 1, 2 }, function() pcall(deep) end) return false end)
end
while true do pcall(deep) end
