-- title: Apps without a release for a long time
-- severity: low
-- why: Nobody may remember the app. It still costs, and its dependencies get no updates.
-- do: Ask its owner whether it is needed. If it is, deploy it; if not,
--   `heroku apps:destroy -a APP`.
-- scope: read
-- key: app
-- param: days = 180 | an app without a release for more days is quiet
local quiet = list.filter(heroku.list_apps(), function(app)
  return app.released_at and app.released_at < time.ago(days)
end)
return list.map(list.sort_by(quiet, "released_at"), function(app)
  local age, owner = math.floor(time.days_since(app.released_at)), app.owner and app.owner.email
  return { app = app.name, released_at = app.released_at, days = age, owner = owner }
end)
