-- expect: values ["in", "out", "end"]
local step = coroutine.wrap(function()
  pcall(function() coroutine.yield("in") end)
  for _ in pairs({ 1 }) do coroutine.yield("out") end
  return "end"
end)
return step(), step(), step()
