-- expect: values ["my-app", "my-app on heroku-24", ""]
local made = parallel.map({ "my-app" }, app.integrations.heroku.get_app)
return made[1].name, made[1].name .. " on " .. made[1].stack, made[1].archived_at .. ""
