-- title: Apps whose add-ons cost much
-- severity: low
-- why: A plan that was chosen for a test, or for one busy day, is paid for in every month. A shared add-on counts
--   once, with the app that owns it; one without a price by the month counts as nothing.
-- do: heroku addons -a APP shows the add-ons, and heroku addons:downgrade ADD_ON PLAN takes a smaller plan.
-- scope: read
-- key: app
-- param: usd_a_month = 10000 | an app whose add-ons cost more is a finding
local own = list.filter(heroku.list_addons({ app_id = heroku.list_apps() }), function(one)
  return one.app_id == one.app.name and one.state ~= "deprovisioned" and one.billed_price
end)
local monthly = { ["billed_price.unit"] = "month", ["billed_price.contract"] = false }
local rows = {}
for app, group in pairs(list.group_by(list.filter(own, monthly), "app.name")) do
  local usd = list.sum_by(group, "billed_price.cents") / 100
  rows[#rows + 1] = usd > usd_a_month and { app = app, add_ons = #group, usd_a_month = usd } or nil
end
return list.sort_by(rows, "usd_a_month", "desc")
