-- expect: values [false, false, false, false]
local apps = app.integrations.heroku.list_apps({})
return getmetatable(apps), getmetatable(apps[1]), getmetatable(apps[1].stack), getmetatable(json.decode("[]"))
