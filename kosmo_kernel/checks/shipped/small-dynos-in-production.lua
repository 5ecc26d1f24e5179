-- title: Eco and Basic dynos in production
-- severity: medium
-- why: An Eco web dyno sleeps after half an hour without a request, and an app runs only one Eco or Basic dyno of
--   each process type.
-- do: heroku ps:type web=standard-1x -a APP
-- scope: read
-- key: app, dyno
-- param: no_production = { "staging", "test", "review", "pr", "dev", "development" } | an app with such a
--   word in its name does not count; Heroku names review apps NAME-pr-123
local function is_test(name)
  return list.find(no_production, function(w) return name:find("-" .. w .. "-", 1, true) end)
end
local dynos = heroku.list_dynos({ app_id = heroku.list_apps() })
local small = list.filter(list.reject(dynos, { type = { "run", "scheduler" } }), function(dyno)
  return ({ eco = true, basic = true })[dyno.size:lower()] and not is_test("-" .. dyno.app.name .. "-")
end)
return list.map(small, function(dyno)
  return { app = dyno.app.name, dyno = dyno.name, size = dyno.size, state = dyno.state }
end)
