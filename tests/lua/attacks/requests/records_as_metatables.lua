-- expect: harmless
local one = app.integrations.heroku.get_app("my-app")
local apps = app.integrations.heroku.list_apps({})
return setmetatable({}, one), setmetatable({}, apps), setmetatable({}, apps[1]), setmetatable({}, one.stack)
