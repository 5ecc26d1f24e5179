-- expect: error ~ "`app_id` is missing"
return app.integrations.heroku.list_dynos(setmetatable({}, { kind = "unfilled", state = { handle = 1 } }))
