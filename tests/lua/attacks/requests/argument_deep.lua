-- expect: error ~ "levels"
local t = {}
for _ = 1, 1000 do t = { t } end
return app.integrations.heroku.list_dynos({ app_id = t })
