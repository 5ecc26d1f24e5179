-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("~")
