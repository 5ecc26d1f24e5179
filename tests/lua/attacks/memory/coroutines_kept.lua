-- expect: limit memory_limit|cpu_limit
local t = {}
while true do
  local thread = coroutine.create(function() coroutine.yield() end)
  coroutine.resume(thread)
  t[#t + 1] = thread
end
