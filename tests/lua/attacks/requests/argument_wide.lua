-- expect: error ~ "more than 1000 arguments"
local t = { app_id = "my-app" }
for i = 1, 10000 do t["x" .. i] = i end
return app.integrations.heroku.get_app(t)
