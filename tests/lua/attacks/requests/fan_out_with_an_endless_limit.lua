-- expect: harmless
return #app.integrations.heroku.list_dynos({ app_id = { "my-app" }, limit = math.maxinteger })
