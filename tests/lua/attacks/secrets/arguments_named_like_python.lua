-- expect: error ~ "no argument"
return app.integrations.heroku.get_app({ app_id = "my-app", self = 1, __class__ = 1, headers = { Authorization = "x" }, args = {} })
