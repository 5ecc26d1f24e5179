-- expect: value ["MY-APP", "mine"]
local one = app.integrations.heroku.get_app("my-app")
one.name = one.name:upper()
one.note = "mine"
return { one.name, one.note }
