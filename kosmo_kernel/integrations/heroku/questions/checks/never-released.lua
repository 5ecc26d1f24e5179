-- title: Apps that never shipped
-- severity: low
-- why: An app without a release runs nothing, and may be a leftover of a trial.
-- do: Deploy it, or `heroku apps:destroy -a APP`.
-- scope: read
-- key: app
-- param: days = 1 | a new app may be without a release for so many days
local idle = list.filter(heroku.list_apps(), function(app)
  return not app.released_at and app.created_at < time.ago(days)
end)
return list.map(list.sort_by(idle, "created_at"), function(app)
  return { app = app.name, created_at = app.created_at, owner = app.owner and app.owner.email }
end)
