-- expect: error ~ "app_id.app_id: a table that contains itself"
local t = {}
t.app_id = t
return app.integrations.heroku.get_app(t)
