-- title: The whole bill is above a limit
-- severity: medium
-- why: Dynos and add-ons are added one by one, and nobody sees the sum before the invoice. It is what a month costs
--   at most at list prices; what has no price by the month, such as a contract, is not in it.
-- do: kosmo inventory -o DIR, and the notebook `costs`, show the bill by team, app, stage and kind, and what idles.
-- scope: read
-- key: bill
-- param: usd_a_month: number | the most that all dynos and add-ons may cost in a month
local usd = list.sum_by(heroku.tables.costs(), "cents") / 100
return usd > usd_a_month and { { bill = "dynos and add-ons", usd_a_month = usd } } or {}
