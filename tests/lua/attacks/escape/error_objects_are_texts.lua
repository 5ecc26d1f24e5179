-- expect: values ["string", "string", "string", "string"]
local function kind(f, ...) local _, problem = pcall(f, ...) return type(problem) end
return kind(app.integrations.heroku.get_app, "\255"), kind(app.integrations.heroku.get_app, {}, {}, {}, {}),
  kind(docs.read, "\255"), kind(function() return app.integrations.heroku["\255"] end)
