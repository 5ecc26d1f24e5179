-- expect: error ~ "must be an app's name or UUID"
local apps = app.integrations.heroku.list_apps({})
for _, one in ipairs(apps) do one.id, one.name = "../account", "../account" end
return app.integrations.heroku.list_dynos({ app_id = apps })
