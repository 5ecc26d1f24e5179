-- expect: limit cpu_limit; state kept
Thread = coroutine.create(function() while true do end end)
coroutine.resume(Thread)
-- next cell
for _ = 1, 10 do coroutine.resume(Thread) end
while true do end
