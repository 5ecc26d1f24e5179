-- expect: error ~ "HEROKU_API_KEY_CANARY"
return app.integrations.heroku.HEROKU_API_KEY_CANARY.list_apps({})
