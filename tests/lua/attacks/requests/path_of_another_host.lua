-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("//127.0.0.1/my-app")
