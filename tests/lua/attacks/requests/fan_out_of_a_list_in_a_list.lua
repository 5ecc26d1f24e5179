-- expect: error ~ "item 1"
return app.integrations.heroku.list_dynos({ app_id = { { "my-app" }, { { "my-app" } } } })
