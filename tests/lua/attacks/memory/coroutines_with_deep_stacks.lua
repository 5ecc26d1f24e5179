-- expect: limit memory_limit|cpu_limit
local t = {}
local function down(n) if n == 0 then coroutine.yield() end return 1 + down(n - 1) end
while true do
  local thread = coroutine.create(down)
  coroutine.resume(thread, 10000)
  t[#t + 1] = thread
end
