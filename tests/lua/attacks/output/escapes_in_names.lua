-- expect: error ~ "no argument"
return app.integrations.heroku.get_app({ ["\27[2J"] = "\27[31m", app_id = "my-app" })
