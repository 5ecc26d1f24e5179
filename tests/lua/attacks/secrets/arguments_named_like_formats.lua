-- expect: error ~ "no argument"
return app.integrations.heroku.get_app({ app_id = "my-app", ["{token}"] = "{0}", ["%s%s%s"] = "%n" })
