-- expect: error ~ "no-such-app"
local _, text = pcall(app.integrations.heroku.get_app, "no-such-app")
error(text, 0)
