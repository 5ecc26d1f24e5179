-- expect: harmless
local list = {}
for i = 1, 64 do list[i] = i end
local function deep(n)
  if n == 0 then return app.integrations.heroku.get_app("my-app").name end
  return #parallel.map(list, function() return deep(n - 1) end, { limit = 64 })
end
return deep(2)
