-- expect: harmless
local t = { "a" }
for _ = 1, 40 do t = { t, t } end
return app.integrations.heroku.list_dynos({ app_id = t })
