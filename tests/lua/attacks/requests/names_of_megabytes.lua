-- expect: harmless
local key = ("x"):rep(1 << 20)
return app.integrations.heroku[key]
