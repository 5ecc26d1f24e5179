-- expect: error ~ "`errors` must be"
return app.integrations.heroku.list_dynos({ app_id = { "my-app" }, errors = { "collect" } })
