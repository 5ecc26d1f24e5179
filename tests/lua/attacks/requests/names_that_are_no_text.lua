-- expect: error ~ "attack.lua:2"
return app.integrations.heroku["\255"]
