-- expect: error ~ "NaN"
return app.integrations.heroku.get_app(0 / 0)
