-- title: Add-ons that are stuck or gone
-- severity: high
-- why: The app waits for an add-on that is not ready, or holds on to one that was taken down.
-- do: `heroku addons:info ADD_ON`, and after a few hours a ticket with its name.
-- scope: read
-- key: app, add_on
-- profile: start
-- param: hours = 1 | an add-on that is being made for longer is stuck
local addons = list.unique_by(heroku.list_addons({ app_id = heroku.list_apps() }), "id")
local stuck = list.filter(addons, function(one)
  local is_late = one.created_at < time.ago(hours / 24)
  return one.state == "provisioning" and is_late or one.state == "deprovisioned"
end)
return list.map(stuck, function(one) -- it is provisioning since it was made, gone since its last change
  local since = one.state == "provisioning" and one.created_at or one.updated_at
  local name, hours_in_state = one.app.name, math.floor(time.days_since(since) * 24)
  return { app = name, add_on = one.name, plan = one.plan.name, state = one.state, hours = hours_in_state }
end)
