-- expect: harmless
local ok, text, facts = pcall(app.integrations.heroku.canary.list_apps, {})
print(ok, text, facts)
return ok, text, facts
