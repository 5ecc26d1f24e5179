-- expect: value 3
local now, most = 0, 0
parallel.map({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, function()
  now = now + 1
  most = math.max(most, now)
  app.integrations.heroku.get_app("my-app")
  now = now - 1
end, { limit = 3 })
return most
