-- expect: value 1
local rows = {}
for i = 1, 50 do rows[i] = app.integrations.heroku.list_apps({})[1] end
collectgarbage() collectgarbage()
app.integrations.heroku.list_apps({})
collectgarbage()
for i = 1, 49 do rows[i] = nil end
collectgarbage()
return #{ rows[50].name }
