-- title: What costs money each month
-- about: One row for each thing that is billed, the dearest first. `kind` is `dyno` (the dynos of one process type),
--   `add-on` (once, with the app that owns it, however many apps use it), `eco` (one price for all Eco dynos) or `private
--   space`; what belongs to no app has the app `(whole account)`. `plan` is the size or the plan, `cents` what `quantity`
--   of them cost in a month of 720 hours at list prices, and `monthly_usd` the same in dollars. Where that is not known
--   both are null, and `price` says why: `contract`, `by hour`, `not listed`, `not shown`, or `not read` without the list
--   of sizes; else `price` is `known`. One-off dynos have no price by the month and are not in here. `idle` says why
--   something may be paid for nothing; it is null where that is not known. `team` is the team of the app, or the address
--   of its owner; `pipeline` and `stage` are those of its pipeline.
-- param: idle_days = 365 | dynos of an app without a release for so many days count as idle
-- needs: list_formation, list_account_addons
-- key: kind, app, name
-- columns: app, team, pipeline, stage, kind, name, plan, quantity, cents, monthly_usd, price, idle
-- page: kind, app, name, plan, quantity, monthly_usd, price, idle, team, stage
-- order: -cents, kind, app, name
local WHOLE = "(whole account)" -- the app and team of what has none, so that no group loses it
local all_apps, rows, running, eco = heroku.list_apps(), {}, {}, 0
local apps = list.index_by(list.unique_by(all_apps, "name"), "name")
local placed = list.index_by(list.filter(heroku.tables.stages(), { by = "pipeline" }), "app")
local function in_a_month(price) return price and price.unit == "month" and price.cents or nil end

local size_cents = {}
for _, size in ipairs(heroku.list_dyno_sizes()) do
  size_cents[size.name:lower()] = in_a_month(size.cost)
end
local not_priced = was_read("list_dyno_sizes") and "not listed" or "not read"

local function add(item)
  local app, place = apps[item.app], placed[item.app] or {}
  item.team = app and (app.team and app.team.name or app.owner and app.owner.email) or item.team
  item.pipeline, item.stage = place.pipeline, place.stage
  item.monthly_usd = item.cents and item.cents / 100
  item.price = item.price or (item.cents and "known" or not_priced)
  rows[#rows + 1] = item
end

for _, process in ipairs(heroku.list_formation({ app_id = all_apps })) do
  local size, count, app = process.size or "(no size)", process.quantity, apps[process.app.name]
  local each, last = size_cents[size:lower()], app and (app.released_at or app.created_at)
  if count > 0 then running[process.app.name] = true end
  if size:lower() == "eco" then
    eco = eco + count
  elseif count > 0 then
    local item = { kind = "dyno", app = process.app.name, name = process.type, plan = size }
    item.quantity, item.cents = count, each and each * count
    local is_quiet = last and last < time.ago(idle_days)
    item.idle = is_quiet and "no release since " .. last:sub(1, 10) or ""
    add(item)
  end
end
if eco > 0 then
  local item = { kind = "eco", app = WHOLE, team = WHOLE, name = "all Eco dynos", plan = "Eco" }
  item.quantity, item.cents, item.idle = eco, size_cents.eco, ""
  add(item)
end

local users = list.group_by(heroku.list_addon_attachments(), "addon.id")
local function is_known(app) return apps[app] and was_read("list_formation", app) end
local function is_used(use) return not is_known(use.app.name) or running[use.app.name] end
for _, one in ipairs(list.unique_by(heroku.list_account_addons(), "id")) do
  local price, app = one.billed_price, one.app.name
  local is_contract = price and price.contract
  local item = { kind = "add-on", app = app, name = one.name, quantity = 1, idle = "" }
  item.plan = one.plan and one.plan.name or ""
  item.cents = not is_contract and in_a_month(price) or nil
  local unknown = price and price.unit and "by " .. price.unit or "not shown"
  item.price = item.cents and "known" or is_contract and "contract" or unknown
  local is_paid_for = item.cents == 0 or is_used(one) or list.find(users[one.id] or {}, is_used)
  if not is_paid_for then item.idle = "no process runs" end
  if not was_read("list_addon_attachments") or not is_known(app) then item.idle = nil end
  if one.state ~= "deprovisioned" then add(item) end
end
for _, space in ipairs(heroku.list_spaces()) do
  local item = { kind = "private space", app = WHOLE, name = space.name, quantity = 1, idle = "" }
  item.plan, item.price = space.shield and "Shield" or "Private", "not shown"
  item.team = space.team and space.team.name
  add(item)
end
return rows
