-- title: Add-ons on plans that end
-- severity: medium
-- why: The plan is deprecated or shut down: its provider will move the add-on to another one,
--   or delete it.
-- do: `heroku addons:upgrade ADD_ON PLAN -a APP`. The provider's page in Heroku's marketplace says
--   until when.
-- scope: read
-- key: app, add_on, plan
local addons = list.unique_by(heroku.list_addons({ app_id = heroku.list_apps() }), "id")
local services = list.map(list.unique_by(addons, "addon_service.name"), "addon_service.name")
local plans = heroku.list_plans({ addon_service = services })
local ending = list.index_by(list.filter(plans, { state = { "deprecated", "shutdown" } }), "name")
return list.map(list.filter(addons, function(one) return ending[one.plan.name] end), function(one)
  local plan = ending[one.plan.name]
  return { app = one.app.name, add_on = one.name, plan = plan.name, state = plan.state }
end)
