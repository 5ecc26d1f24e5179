-- expect: harmless
pcall(parallel.map, { 1, 2 }, function(n)
  if n == 2 then while true do end end
  Task = coroutine.running()
  Waiting = coroutine.create(function()
    local held <close> = setmetatable({}, { __close = function() while true do end end })
    local _ = pcall(app.integrations.heroku.get_app, "my-app")
    return app.integrations.heroku.get_app("my-app").name
  end)
  coroutine.resume(Waiting)
end)
-- next cell
print(coroutine.status(Waiting), coroutine.status(Task))
print(parallel.map({ 1, 2 }, function(n) return { coroutine.resume(n == 1 and Waiting or Task) } end))
print(pcall(coroutine.close, Task))
