-- expect: limit cpu_limit; state kept
Step = coroutine.wrap(function()
  pcall(function() coroutine.yield() end)
  while true do pcall(function() while true do end end) end
end)
Step()
-- next cell
Step()
