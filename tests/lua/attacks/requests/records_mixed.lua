-- expect: harmless
local heroku = app.integrations.heroku
local mixed = { heroku.list_apps({})[1], heroku.list_dynos("my-app")[1], { name = "x" }, "my-app", json.null }
return mixed, pcall(heroku.list_dynos, { app_id = mixed })
