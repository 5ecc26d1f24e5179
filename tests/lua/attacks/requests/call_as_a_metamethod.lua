-- expect: harmless
local heroku = app.integrations.heroku
local t = setmetatable({}, { __index = heroku.get_app, __call = heroku.list_apps, __len = heroku.get_current_user, __tostring = heroku.get_app,
  __pairs = heroku.list_apps, __close = heroku.list_dynos, __lt = heroku.get_app, __concat = heroku.get_app })
return pcall(function() return t.x end), pcall(function() return #t end), pcall(tostring, t), pcall(pairs, t), pcall(function() return t < t end)
