-- title: Add-ons that are billed for apps without a dyno
-- severity: medium
-- why: The app runs nothing, and its add-ons cost all the same.
-- do: Scale the app up (heroku ps:scale web=1 -a APP), or heroku addons:destroy ADD_ON.
-- scope: read
-- key: app, add_on
local apps = heroku.list_apps()
local running = list.count_by(heroku.list_dynos({ app_id = apps }), "app.name")
local idle = list.filter(heroku.list_addons({ app_id = apps }), function(one)
  local is_own = one.app_id == one.app.name and one.state ~= "deprovisioned"
  return is_own and not running[one.app.name] and one.billed_price and one.billed_price.cents > 0
end)
return list.map(idle, function(one)
  local usd, per = one.billed_price.cents / 100, one.billed_price.unit
  return { app = one.app.name, add_on = one.name, plan = one.plan.name, usd = usd, per = per }
end)
