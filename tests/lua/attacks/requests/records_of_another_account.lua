-- expect: harmless
return app.integrations.heroku.canary.list_dynos({ app_id = app.integrations.heroku.list_apps({}) })
