-- title: Production apps whose logs nobody keeps
-- severity: low
-- why: Heroku itself keeps the last 1,500 lines of a log, for a week at most: nobody can read
--   what happened before. Apps of the Fir generation have telemetry drains and are left out.
--   Apps in a Shield space may send their logs through the space, which this cannot see.
--   Source: devcenter.heroku.com/articles/logging. `stage_by` says how the stage is known.
-- do: `heroku drains:add URL -a APP`, or an add-on for logs.
-- scope: read
-- key: app
local live = list.index_by(list.filter(heroku.tables.stages(), { stage = "production" }), "app")
local kept = list.count_by(heroku.list_log_drains({ app_id = heroku.list_apps() }), "app_id")
local silent = list.filter(heroku.list_apps(), function(app)
  return live[app.name] and (app.generation or {}).name ~= "fir" and not kept[app.name]
end)
return list.map(silent, function(app)
  return { app = app.name, stage_by = live[app.name].by, released_at = app.released_at }
end)
