-- expect: harmless
do
  local held <close> = setmetatable({}, { __close = function() print(#app.integrations.heroku.list_apps({})) end })
end
return 1
