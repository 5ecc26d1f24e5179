-- expect: error ~ "__gc"
local one = app.integrations.heroku.get_app("my-app")
setmetatable(one, { __gc = print })
