-- title: Databases of production on entry plans
-- severity: medium
-- why: Postgres on an essential plan, or on the older mini, basic and hobby, cannot be forked or followed, and a
--   Key-Value Store on mini loses its data with a restart. Heroku promises less uptime for both.
-- do: heroku addons:create heroku-postgresql:standard-0 -a APP, then heroku pg:copy in maintenance mode. A Key-Value
--   Store: heroku addons:upgrade ADD_ON PLAN.
-- scope: read
-- key: app, add_on
-- param: no_production = { "staging", "test", "review", "pr", "dev", "development" } | an app with such a
--   word in its name does not count; Heroku names review apps NAME-pr-123
local entry = { essential = true, mini = true, basic = true, hobby = true }
local function is_test(name)
  return list.find(no_production, function(w) return name:find("-" .. w .. "-", 1, true) end)
end
local small = list.filter(heroku.list_addons({ app_id = heroku.list_apps() }), function(one)
  local is_own = one.app_id == one.app.name and not is_test("-" .. one.app.name .. "-")
  return is_own and entry[one.plan.name:match("^heroku%-[pr]%a+:(%a+)")]
end)
local function row(one) return { app = one.app.name, add_on = one.name, plan = one.plan.name } end
return list.map(small, row)
