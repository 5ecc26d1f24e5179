-- expect: error ~ "UTF-8"
return app.integrations.heroku.get_app("my-app\255")
