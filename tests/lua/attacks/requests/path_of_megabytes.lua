-- expect: harmless
return app.integrations.heroku.get_app(("a"):rep(4 << 20))
