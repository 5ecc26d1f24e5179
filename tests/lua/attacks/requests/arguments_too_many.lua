-- expect: error ~ "get_app"
return app.integrations.heroku.get_app("my-app", "other", "third")
