-- expect: harmless
return app.integrations.heroku.list_dynos({ app_id = { [1] = "my-app", ["1"] = "other-app" } })
