-- title: Databases on entry plans in production stages
-- severity: high
-- why: Entry plans of Heroku Postgres have no fork, no follower and no rollback, and entry
--   plans of Key-Value Store lose their data with a restart. Heroku promises less uptime for
--   both. Source: devcenter.heroku.com/articles/heroku-postgres-plans.
-- do: heroku addons:create heroku-postgresql:standard-0 -a APP, then heroku pg:copy in
--   maintenance mode. A Key-Value Store: heroku addons:upgrade ADD_ON PLAN.
-- scope: read
-- key: app, add_on
-- param: plans = "^heroku-(postgresql|redis):(mini|basic|essential)" | a pattern of entry plans
local live = list.filter(heroku.list_pipeline_couplings(), { stage = "production" })
local production, apps = list.index_by(live, "app.id"), list.index_by(heroku.list_apps(), "name")
local addons = heroku.list_addons({ app_id = heroku.list_apps() })
local entry = list.filter(addons, function(one)
  return production[apps[one.app_id].id] and regex.match(one.plan.name, plans)
end)
return list.map(entry, function(one)
  return { app = one.app_id, add_on = one.name, plan = one.plan.name, owner = one.app.name }
end)
