-- expect: harmless
local _, _, facts = pcall(app.integrations.heroku.get_app, "no-such-app")
error(facts)
