-- expect: harmless
return app.integrations.heroku.get_app({ app_id = ("x"):rep(8 << 20) })
