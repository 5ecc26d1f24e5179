-- expect: value false
local outer
outer = coroutine.create(function()
  return parallel.map({ 1 }, function() return (coroutine.resume(outer)) end)[1]
end)
return select(2, coroutine.resume(outer))
