-- expect: value true
local found = {}
for _, one in ipairs(app.integrations.heroku.list_apps({})) do if one.stack.name == "heroku-24" then found[#found + 1] = one end end
local dynos = app.integrations.heroku.list_dynos({ app_id = found })
return #found > 0 and #dynos >= 0
