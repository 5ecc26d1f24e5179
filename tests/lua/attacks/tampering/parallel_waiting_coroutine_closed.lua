-- expect: values [false, "normal", "my-app"]
local inner, told, state
local names = parallel.map({ 1, 2 }, function(n)
  if n == 1 then
    inner = coroutine.create(function() return app.integrations.heroku.get_app("my-app").name end)
    return select(2, coroutine.resume(inner))
  end
  told, state = pcall(coroutine.close, inner), coroutine.status(inner)
end)
return told, state, names[1]
