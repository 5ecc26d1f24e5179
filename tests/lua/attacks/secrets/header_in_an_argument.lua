-- expect: error ~ "app_id"
return app.integrations.heroku.get_app("my-app\r\nAuthorization: Bearer x\r\nX-Other: y")
