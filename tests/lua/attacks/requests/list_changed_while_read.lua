-- expect: harmless
local apps = app.integrations.heroku.list_apps({})
for key, one in pairs(apps) do apps[key] = nil one.name = nil apps.x = 1 end
return apps, #apps
