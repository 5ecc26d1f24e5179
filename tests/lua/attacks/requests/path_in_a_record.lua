-- expect: error ~ "must be an app's name or UUID"
local one = app.integrations.heroku.get_app("my-app")
one.id, one.name = "../account", "../account"
return app.integrations.heroku.list_dynos({ app_id = one })
