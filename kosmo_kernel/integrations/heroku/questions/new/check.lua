-- title: Apps without a web process
-- severity: low
-- why: Nobody reaches an app that runs no web dyno, and its add-ons may still cost money.
-- do: `heroku ps:scale web=1 -a APP`, or remove the app: `heroku apps:destroy -a APP`.
-- scope: read
-- key: app
-- param: ignored = {} | the names of apps that need none

local apps = heroku.list_apps()
local dynos = list.filter(heroku.list_dynos({ app_id = apps }), { type = "web" })
local served, needless = list.count_by(dynos, "app.name"), list.count_by(ignored, tostring)
local findings = list.reject(apps, function(app) return served[app.name] or needless[app.name] end)
return list.map(findings, function(app) return { app = app.name, made = app.created_at } end)
