-- title: Eco and Basic dynos in production
-- severity: medium
-- why: Eco dynos sleep after 30 minutes without a request and stop when the account's hours of
--   the month are used up. Neither size can be scaled to more than one dyno of a process type.
--   Source: devcenter.heroku.com/articles/dyno-tiers. `stage_by` says how the stage is known.
-- do: `heroku ps:type TYPE=standard-1x -a APP`
-- scope: read
-- key: app, type
local live = list.index_by(list.filter(heroku.tables.stages(), { stage = "production" }), "app")
local small = list.filter(heroku.list_formation({ app_id = heroku.list_apps() }), function(one)
  local size = (one.size or ""):lower()
  return live[one.app.name] and one.quantity > 0 and (size == "eco" or size == "basic")
end)
return list.map(small, function(one)
  local app, by = one.app.name, live[one.app.name].by
  return { app = app, type = one.type, size = one.size, quantity = one.quantity, stage_by = by }
end)
