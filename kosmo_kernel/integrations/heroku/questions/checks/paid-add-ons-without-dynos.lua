-- title: Add-ons that are billed for apps without a dyno
-- severity: medium
-- why: No process of the app runs, nor of any other app that uses the add-on, and it costs all the same. Where the price
--   is not known, `price` says why.
-- do: Scale the app up (`heroku ps:scale web=1 -a APP`), or `heroku addons:destroy ADD_ON` after a
--   backup.
-- scope: read
-- key: app, add_on
local apps, processes = heroku.list_apps(), heroku.list_formation({ app_id = heroku.list_apps() })
local running = list.count_by(list.reject(processes, { quantity = 0 }), "app.name")
local uses = heroku.list_addons({ app_id = apps })
local used = list.count_by(list.filter(uses, function(use) return running[use.app_id] end), "name")
local addons = list.filter(heroku.tables.costs(), { kind = "add-on", app = list.map(apps, "name") })
local idle = list.filter(addons, function(one) return one.cents ~= 0 and not used[one.name] end)
return list.map(idle, function(one)
  local usd = one.cents and one.cents / 100
  return { app = one.app, add_on = one.name, plan = one.plan, usd_a_month = usd, price = one.price }
end)
