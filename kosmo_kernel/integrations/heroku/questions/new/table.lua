-- title: Apps without a web process
-- about: One row for each app of which no web dyno runs, with its team and the day on which it was made.
-- key: app
-- columns: app, team, made
-- order: app

local apps = heroku.list_apps()
local dynos = list.filter(heroku.list_dynos({ app_id = apps }), { type = "web" })
local served = list.count_by(dynos, "app.name")
local idle = list.reject(apps, function(app) return served[app.name] end)
return list.map(idle, function(app)
  return { app = app.name, team = app.team and app.team.name, made = app.created_at:sub(1, 10) }
end)
