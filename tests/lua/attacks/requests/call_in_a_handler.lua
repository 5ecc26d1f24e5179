-- expect: harmless
return xpcall(error, function() return app.integrations.heroku.get_app("no-such-app") end)
