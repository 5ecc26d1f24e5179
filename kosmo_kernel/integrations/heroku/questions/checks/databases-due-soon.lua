-- title: Databases that Heroku changes within 30 days
-- severity: high
-- why: Heroku upgrades or moves the database by itself on that day, whether the apps that use it can take that or not. Until
--   then you choose the time, and can try a new version on a fork first. The day comes from Heroku, for each database.
-- do: `heroku data:maintenances:info ADD_ON -a APP` says what Heroku plans;
--   `heroku data:maintenances:run ADD_ON -a APP` does it now, and
--   `heroku data:maintenances:schedule ADD_ON -a APP` moves it.
-- scope: read
-- key: add_on
-- profile: first
-- param: days = 30 | a day within so many days
local planned = list.filter(heroku.tables.maintenances(), function(one)
  return one.scheduled_for or one.required_by
end)
local function days_until(one) return time.days_until(one.scheduled_for or one.required_by) end
local near = list.filter(planned, function(one) return days_until(one) <= days end)
return list.map(list.sort_by(near, days_until), function(one)
  return { add_on = one.name, app = one.app, plan = one.plan, status = one.status,
    required_by = one.required_by, scheduled_for = one.scheduled_for, owner = one.owner }
end)
