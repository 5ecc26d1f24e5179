-- expect: value "my-app"
local function deep(n)
  if n == 0 then return app.integrations.heroku.get_app("my-app").name end
  return parallel.map({ n }, function(m) return deep(m - 1) end)[1]
end
return deep(50)
