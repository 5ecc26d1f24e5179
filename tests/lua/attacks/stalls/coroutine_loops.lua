-- expect: limit cpu_limit; state kept
coroutine.wrap(function() while true do end end)()
