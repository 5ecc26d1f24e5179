-- expect: harmless
local step = coroutine.wrap(function()
  for _, one in ipairs(app.integrations.heroku.list_apps({})) do coroutine.yield(one.name) end
end)
return step(), step()
