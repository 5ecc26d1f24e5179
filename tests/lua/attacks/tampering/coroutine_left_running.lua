-- expect: nothing; state kept
Step = coroutine.wrap(function() while true do coroutine.yield() end end)
local _ = Step()
