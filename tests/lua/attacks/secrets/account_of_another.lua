-- expect: error ~ "account canary"
return app.integrations.heroku.canary.list_apps({})
