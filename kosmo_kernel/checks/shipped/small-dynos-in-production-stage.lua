-- title: Eco and Basic dynos in production stages
-- severity: medium
-- why: Eco dynos sleep after 30 minutes without a request and stop when the account's hours of
--   the month are used up. Neither size can be scaled to more than one dyno of a process type.
--   Source: devcenter.heroku.com/articles/dyno-tiers.
-- do: heroku ps:type TYPE=standard-1x -a APP
-- scope: read
-- key: app, type
local live = list.filter(heroku.list_pipeline_couplings(), { stage = "production" })
local production = list.index_by(live, "app.id")
local small = list.filter(heroku.list_formation({ app_id = heroku.list_apps() }), function(one)
  local size = one.size:lower()
  return production[one.app.id] and one.quantity > 0 and (size == "eco" or size == "basic")
end)
return list.map(small, function(one)
  return { app = one.app.name, type = one.type, size = one.size, quantity = one.quantity }
end)
