-- expect: error ~ "`app_id` is missing"
return app.integrations.heroku.get_app(setmetatable({}, { __index = function() return "my-app" end }))
