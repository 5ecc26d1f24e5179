-- expect: nothing; state kept
local apps = app.integrations.heroku.list_apps({})
for i = #apps, 1, -1 do table.remove(apps, i) end
for key in pairs(app.integrations.heroku.get_app("my-app").stack) do key = nil end
