-- expect: error ~ "item 2"
return app.integrations.heroku.list_dynos({ app_id = { "my-app", "my-app/../x" } })
