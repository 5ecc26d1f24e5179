-- expect: error ~ "app_id"
return app.integrations.heroku.list_dynos({ app_id = app.integrations.heroku.list_dynos("my-app") })
