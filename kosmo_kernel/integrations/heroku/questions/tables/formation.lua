-- title: Processes
-- about: Every process type, those scaled to zero as well.
-- needs: list_formation
-- key: app, process
-- columns: app, process, quantity, scaled_to_zero, size, command, usd_per_dyno, monthly_usd, id
-- page: app, process, quantity, size, command, monthly_usd
-- order: app, process
local prices = {}
for _, size in ipairs(heroku.list_dyno_sizes()) do
  if size.cost and size.cost.unit == "month" then prices[size.name:lower()] = size.cost.cents end
end
return list.map(heroku.list_formation({ app_id = heroku.list_apps() }), function(process)
  local size, quantity = process.size or "(no size)", process.quantity
  local each = prices[size:lower()]
  local is_free = quantity == 0 or size:lower() == "eco"
  return {
    app = process.app.name, process = process.type, quantity = quantity,
    scaled_to_zero = quantity == 0,
    size = size, command = process.command, usd_per_dyno = each and each / 100,
    monthly_usd = is_free and 0.0 or each and each * quantity / 100, id = process.id,
  }
end)
