-- expect: nothing; state kept
for name in pairs(coroutine) do coroutine[name] = function() while true do end end end
