-- title: Apps whose dynos cost much
-- severity: low
-- why: A size or a number of dynos that was chosen for one busy day is paid for in every month. Eco is
--   five dollars for all Eco dynos of an account together, and counts as nothing here.
-- do: heroku ps -a APP shows the dynos, and heroku ps:scale web=1:standard-1x -a APP makes them fewer or smaller.
-- scope: read
-- key: app
-- param: usd_a_month = 10000 | an app whose dynos cost more at list prices is a finding
local sizes = list.reject(list.filter(heroku.list_dyno_sizes(), "cost"), { name = { "Eco", "eco" } })
local price = list.index_by(sizes, function(size) return size.name:lower() end)
local dynos, rows = heroku.list_dynos({ app_id = heroku.list_apps() }), {}
local function cents(dyno) return (price[dyno.size:lower()] or { cost = { cents = 0 } }).cost.cents end
for app, group in pairs(list.group_by(dynos, "app.name")) do
  local usd = list.sum_by(group, cents) / 100
  rows[#rows + 1] = usd > usd_a_month and { app = app, dynos = #group, usd_a_month = usd } or nil
end
return list.sort_by(rows, "usd_a_month", "desc")
