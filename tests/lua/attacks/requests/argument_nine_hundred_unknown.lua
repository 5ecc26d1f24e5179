-- expect: error ~ "no argument"
local t = { app_id = "my-app" }
for i = 1, 900 do t["x" .. i] = i end
return app.integrations.heroku.get_app(t)
