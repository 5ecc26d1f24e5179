-- expect: nothing; state kept
Waiting, Task = nil, nil
pcall(parallel.map, { 1, 2 }, function(n)
  if n == 2 then error("over") end
  Task = coroutine.running()
  Waiting = coroutine.create(function() app.integrations.heroku.get_app("my-app") return 1 end)
  coroutine.resume(Waiting)
end)
-- next cell
print(coroutine.status(Waiting), coroutine.status(Task), coroutine.resume(Waiting))
print(coroutine.resume(Task))
print(coroutine.close(Waiting), coroutine.close(Task))
print(parallel.map({ 1 }, function() return app.integrations.heroku.get_app("my-app").name end))
