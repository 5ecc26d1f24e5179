-- expect: harmless
local heroku = app.integrations.heroku
Kept = {}
while collectgarbage("count") < 32 * 1024 - 64 do Kept[#Kept + 1] = {} end
return heroku.list_apps({})
