-- title: Add-ons that are billed for apps without a dyno
-- severity: medium
-- why: The app runs nothing, and its add-ons cost all the same. One that an app with dynos uses too is left out.
-- do: Scale the app up (heroku ps:scale web=1 -a APP), or heroku addons:destroy ADD_ON.
-- scope: read
-- key: app, add_on
local running = list.count_by(heroku.list_dynos({ app_id = heroku.list_apps() }), "app.name")
local addons = list.filter(heroku.list_addons({ app_id = heroku.list_apps() }), "billed_price")
local used = list.count_by(list.filter(addons, function(one) return running[one.app_id] end), "id")
local idle = list.filter(list.reject(addons, { state = "deprovisioned" }), function(one)
  return one.app_id == one.app.name and not used[one.id] and one.billed_price.cents > 0
end)
return list.map(idle, function(one)
  local usd, per = one.billed_price.cents / 100, one.billed_price.unit
  return { app = one.app.name, add_on = one.name, plan = one.plan.name, usd = usd, per = per }
end)
