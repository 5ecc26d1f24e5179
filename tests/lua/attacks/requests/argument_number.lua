-- expect: error ~ "app_id"
return app.integrations.heroku.get_app(1 << 62)
