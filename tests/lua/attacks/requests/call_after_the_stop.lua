-- expect: limit cpu_limit; state kept
pcall(function()
  local held <close> = setmetatable({}, { __close = function() print(#app.integrations.heroku.list_apps({})) end })
  coroutine.wrap(function() while true do end end)()
end)
