-- title: Production apps with a single web dyno
-- severity: low
-- why: Heroku restarts every dyno at least once a day, and replaces it when its host fails.
--   With one web dyno nobody answers meanwhile. Heroku's own production check asks for two.
--   Source: devcenter.heroku.com/articles/production-check. `stage_by` says how the stage is known.
-- do: `heroku ps:scale web=2 -a APP` (Eco and Basic dynos: `heroku ps:type web=standard-1x -a APP`
--   first)
-- scope: read
-- key: app
local live = list.index_by(list.filter(heroku.tables.stages(), { stage = "production" }), "app")
local processes = heroku.list_formation({ app_id = heroku.list_apps() })
local single = list.filter(list.filter(processes, { type = "web", quantity = 1 }), function(one)
  return live[one.app.name]
end)
return list.map(single, function(one)
  return { app = one.app.name, size = one.size, stage_by = live[one.app.name].by }
end)
