-- expect: error ~ "infinity"
return app.integrations.heroku.get_app({ app_id = math.huge })
