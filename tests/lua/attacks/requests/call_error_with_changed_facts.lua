-- expect: harmless
local _, text, facts = pcall(app.integrations.heroku.get_app, "no-such-app")
facts.status, facts.message, facts.type = { "x" }, print, nil
for key in pairs(facts) do facts[key] = facts end
error(text, 0)
