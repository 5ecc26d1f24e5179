-- title: Apps whose add-ons cost much
-- severity: low
-- why: A plan that was chosen for a test, or for one busy day, is paid for in every month. A shared add-on counts
--   once, with the app that owns it; one without a price by the month counts as nothing.
-- do: `heroku addons -a APP` shows the add-ons, and `heroku addons:downgrade ADD_ON PLAN` takes a
--   smaller plan.
-- scope: read
-- key: app
-- param: usd_a_month: number | an app whose add-ons cost more is a finding
local rows = {}
local addons = list.filter(heroku.tables.costs(), { kind = "add-on" })
for app, group in pairs(list.group_by(addons, "app")) do
  local usd = list.sum_by(group, "cents") / 100
  rows[#rows + 1] = usd > usd_a_month and { app = app, add_ons = #group, usd_a_month = usd } or nil
end
return list.sort_by(rows, "usd_a_month", "desc")
