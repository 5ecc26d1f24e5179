-- expect: values ["normal", false, "cannot resume non-suspended coroutine", false, false, "dead", false]
local task, seen
parallel.map({ 1, 2 }, function(n)
  if n == 1 then
    task = coroutine.running()
    app.integrations.heroku.get_app("my-app")
  else
    seen = { coroutine.status(task), coroutine.resume(task) }
    seen[4] = pcall(coroutine.close, task)
    seen[5] = pcall(coroutine.wrap(function() return coroutine.close(task) end))
  end
end)
return seen[1], seen[2], seen[3], seen[4], seen[5], coroutine.status(task), (coroutine.resume(task))
