-- title: Bill
-- about: What a month costs at most at list prices, the dearest first. An add-on is there once, with its own app.
-- param: idle_days = 365 | dynos of an app without a release for so many days count as idle
-- needs: list_formation, list_account_addons
-- key: kind, app, name
-- columns: kind, app, name, plan, quantity, unit_usd, usd_an_hour, monthly_usd, price, idle, team, pipeline, stage
-- page: kind, app, name, plan, quantity, monthly_usd, price, idle, team, stage
-- order: -monthly_usd, kind, app, name
local HOURS = 720 -- that a month is billed for at most
local KINDS = { dyno = "dynos", eco = "dynos" }
local all_apps = heroku.list_apps()
local apps = list.index_by(list.unique_by(all_apps, "name"), "name")
local rows, runs, used_by = {}, {}, {}
for _, addon in ipairs(heroku.tables.addons()) do used_by[addon.name] = addon.used_by end
local processes = heroku.list_formation({ app_id = all_apps })
for _, process in ipairs(processes) do
  if process.quantity > 0 then runs[process.app.name] = true end
end

-- Return whether no process runs in any of the apps that use an add-on, and all of these are known.
local function is_unused(addon)
  return was_read("list_addon_attachments") and not list.find(used_by[addon] or {}, function(app)
    return not apps[app] or not was_read("list_formation", app) or runs[app]
  end)
end
local function idle_of(cost)
  if cost.kind == "add-on" then
    return cost.cents ~= 0 and is_unused(cost.name) and "no process runs" or ""
  end
  local app = cost.kind == "dyno" and apps[cost.app]
  local last = app and (app.released_at or app.created_at)
  return last and last < time.ago(idle_days) and "no release since " .. last:sub(1, 10) or ""
end
local function add(cost, each, cents, price)
  local hour = each and KINDS[cost.kind] and each / 100 / HOURS
  rows[#rows + 1] = {
    kind = KINDS[cost.kind] or cost.kind, app = cost.app, name = cost.name, plan = cost.plan,
    quantity = cost.quantity, unit_usd = each and each / 100,
    usd_an_hour = hour and math.floor(hour * 10000 + 0.5) / 10000,
    monthly_usd = cents and cents / 100, price = price, idle = cost.idle or idle_of(cost),
    team = cost.team, pipeline = cost.pipeline, stage = cost.stage,
  }
end
for _, cost in ipairs(heroku.tables.costs()) do
  if cost.kind == "eco" then
    cost.name, cost.quantity = "Eco, all dynos together", 1
  end
  add(cost, cost.cents and cost.cents // cost.quantity, cost.cents, cost.price)
end
local places = list.index_by(heroku.tables.stages(), "app")
local function is_eco(process)
  return process.size and process.size:lower() == "eco" and process.quantity > 0
end
for _, process in ipairs(list.filter(processes, is_eco)) do
  local app = apps[process.app.name]
  local place = places[process.app.name] or {}
  local is_placed = place.by == "pipeline"
  add({
    kind = "dyno", app = process.app.name, name = process.type, plan = process.size,
    quantity = process.quantity,
    team = app and (app.team and app.team.name or app.owner and app.owner.email), idle = "",
    pipeline = is_placed and place.pipeline or nil, stage = is_placed and place.stage or nil,
  }, 0, 0, "flat")
end
return rows
