-- expect: values [true, 1]
local rows, failures = app.integrations.heroku.list_dynos({ app_id = { "my-app", "no-such-app" }, errors = "collect" })
return #rows > 0, #failures
