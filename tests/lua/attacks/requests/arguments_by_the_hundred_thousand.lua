-- expect: harmless
return app.integrations.heroku.get_app(table.unpack({}, 1, 100000))
