-- expect: harmless
local step = coroutine.wrap(function()
  return app.integrations.heroku.get_app(setmetatable({ app_id = "my-app" }, { __index = coroutine.yield }))
end)
return step()
