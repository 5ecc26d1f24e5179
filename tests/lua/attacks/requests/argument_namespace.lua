-- expect: error ~ "app_id"
return app.integrations.heroku.get_app({ app_id = app })
