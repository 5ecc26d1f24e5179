-- expect: harmless
local one = app.integrations.heroku.get_app("my-app")
return load("name = 'x' return name, id, print", "=chunk", "t", one)(), one
