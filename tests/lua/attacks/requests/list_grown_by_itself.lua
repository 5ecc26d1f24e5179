-- expect: harmless
local apps = app.integrations.heroku.list_apps({})
for i = 1, 30 do apps[i + 1] = apps end
return apps
