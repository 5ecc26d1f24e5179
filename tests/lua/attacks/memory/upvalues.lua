-- expect: limit memory_limit|cpu_limit
local f = function() return 0 end
while true do
  local inner = f
  f = function() return inner end
end
