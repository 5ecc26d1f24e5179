-- expect: harmless
local apps = app.integrations.heroku.list_apps({})
pcall(table.sort, apps, function() return true end)
table.sort(apps, function(a, b) apps[1] = nil return a ~= nil and b ~= nil and a.name < b.name end)
return apps
