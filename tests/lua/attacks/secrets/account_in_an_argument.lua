-- expect: error ~ "account"
return app.integrations.heroku.list_apps({ account = "canary", token = "x", url = "http://127.0.0.1:9" })
