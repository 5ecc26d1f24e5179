-- expect: harmless
local heroku = app.integrations.heroku
return pcall(table.sort, { "my-app", "other", "x" }, heroku.get_app), pcall(string.gsub, "my-app", ".*", heroku.get_app),
  pcall(xpcall, error, heroku.get_app, "my-app"), pcall(load, heroku.list_apps)
