-- expect: limit cpu_limit; state kept
while true do
  pcall(coroutine.wrap(function() pcall(function() while true do end end) end))
end
