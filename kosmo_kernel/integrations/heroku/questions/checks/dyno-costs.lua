-- title: Apps whose dynos cost much
-- severity: low
-- why: A size or a number of dynos that was chosen for one busy day is paid for in every month. Eco is one price for
--   all Eco dynos of an account together, and counts as nothing here.
-- do: `heroku ps -a APP` shows the dynos, and `heroku ps:scale web=1:standard-1x -a APP` makes them
--   fewer or smaller.
-- scope: read
-- key: app
-- param: usd_a_month: number | an app whose dynos cost more at list prices is a finding
local rows = {}
local dynos = list.filter(heroku.tables.costs(), { kind = "dyno" })
for app, group in pairs(list.group_by(dynos, "app")) do
  local usd, n = list.sum_by(group, "cents") / 100, list.sum_by(group, "quantity")
  rows[#rows + 1] = usd > usd_a_month and { app = app, dynos = n, usd_a_month = usd } or nil
end
return list.sort_by(rows, "usd_a_month", "desc")
