-- expect: error ~ "item 2"
return app.integrations.heroku.list_dynos({ "my-app", "../account" })
