-- title: Databases of production on entry plans
-- severity: high
-- why: Entry plans of Heroku Postgres have no fork, no follower and no rollback, and entry plans of Key-Value Store
--   lose their data with a restart. Heroku promises less uptime for both. Source:
--   devcenter.heroku.com/articles/heroku-postgres-plans. `stage_by` says how the stage is known.
-- do: `heroku addons:create heroku-postgresql:standard-0 -a APP`, then `heroku pg:copy` in
--   maintenance mode. A Key-Value Store: `heroku addons:upgrade ADD_ON PLAN`.
-- scope: read
-- key: app, add_on
-- param: plans = "^heroku-(postgresql|redis):(mini|basic|essential|hobby)" | a pattern of entry plans
local live = list.index_by(list.filter(heroku.tables.stages(), { stage = "production" }), "app")
local addons = heroku.list_addons({ app_id = heroku.list_apps() })
local entry = list.filter(addons, function(one)
  return live[one.app_id] and regex.match(one.plan.name, plans)
end)
return list.map(entry, function(one)
  local app, by, plan = one.app_id, live[one.app_id].by, one.plan.name
  return { app = app, add_on = one.name, plan = plan, owner = one.app.name, stage_by = by }
end)
