-- title: The whole bill is above a limit
-- severity: medium
-- why: Dynos and add-ons are added one by one, and nobody sees the sum before the invoice. It is what a month costs
--   at most at list prices; what has no price by the month, such as a contract, is not in it.
-- do: kosmo inventory -o DIR, and the notebook `costs`, show the bill by team, app, stage and kind, and what idles.
-- scope: read
-- key: bill
-- param: usd_a_month = 1000000 | the most that all dynos and add-ons may cost in a month
local price = list.index_by(heroku.list_dyno_sizes(), function(size) return size.name:lower() end)
local processes = heroku.list_formation({ app_id = heroku.list_apps() })
local add_ons = list.reject(heroku.list_account_addons(), { state = "deprovisioned" })
local monthly = { ["billed_price.unit"] = "month", ["billed_price.contract"] = false }
local cents = list.sum_by(list.filter(add_ons, monthly), "billed_price.cents")
for size, group in pairs(list.group_by(processes, function(one) return one.size:lower() end)) do
  local n, cost = list.sum_by(group, "quantity"), price[size] and price[size].cost or { cents = 0 }
  cents = cents + cost.cents * (size == "eco" and math.min(n, 1) or n)  -- Eco: one price for all
end
return cents / 100 > usd_a_month and { { bill = "dynos and add-ons", usd_a_month = cents / 100 } } or {}
