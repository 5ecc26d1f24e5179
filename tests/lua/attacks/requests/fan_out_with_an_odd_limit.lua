-- expect: error ~ "`limit` must be"
return app.integrations.heroku.list_dynos({ app_id = { "my-app" }, limit = { 1 } })
