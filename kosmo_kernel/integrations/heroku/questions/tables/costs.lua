-- title: What costs money each month
-- about: One row for each thing that is billed. `kind` is `dyno` (the dynos of one process type), `add-on` (once, with
--   the app that owns it, however many apps use it), `eco` (one price for all Eco dynos, whose app and team are `(whole
--   account)`) or `private space`. `plan` is the size or the plan, `cents` what `quantity` of them cost in a month of 720
--   hours at list prices, and `monthly_usd` the same in dollars. Where that is not known both are null, and `price` says
--   why: `contract`, `by hour`, `not listed`, `not shown`, or `not read` without the list of sizes; else `price` is
--   `known`. One-off dynos have no price by the month and are not in here. `team` is the team of the app, or the address
--   of its owner; `pipeline` and `stage` are those of its pipeline.
-- needs: list_formation, list_account_addons
-- key: kind, app, name
-- columns: app, team, pipeline, stage, kind, name, plan, quantity, cents, monthly_usd, price
local WHOLE = "(whole account)" -- the app and team of what has none, so that no group loses it
local all_apps = heroku.list_apps()
local apps = list.index_by(list.unique_by(all_apps, "name"), "name")
local placed = list.index_by(list.filter(heroku.tables.stages(), { by = "pipeline" }), "app")
local function in_a_month(price) return price and price.unit == "month" and price.cents or nil end

local size_cents = {}
for _, size in ipairs(heroku.list_dyno_sizes()) do
  size_cents[size.name:lower()] = in_a_month(size.cost)
end

local not_priced = was_read("list_dyno_sizes") and "not listed" or "not read"
local rows = {}
local function add(app_name, item)
  local app, place = apps[app_name], placed[app_name] or {}
  rows[#rows + 1] = {
    app = app_name,
    team = app and (app.team and app.team.name or app.owner and app.owner.email) or item.team,
    pipeline = place.pipeline, stage = place.stage,
    kind = item.kind, name = item.name, plan = item.plan, quantity = item.quantity,
    cents = item.cents, monthly_usd = item.cents and item.cents / 100,
    price = item.price or (item.cents and "known" or not_priced),
  }
end

local eco = 0
for _, process in ipairs(heroku.list_formation({ app_id = all_apps })) do
  local size, quantity = process.size or "(no size)", process.quantity
  if size:lower() == "eco" then
    eco = eco + quantity
  elseif quantity > 0 then
    local each = size_cents[size:lower()]
    local item = { kind = "dyno", name = process.type, plan = size, quantity = quantity }
    item.cents = each and each * quantity
    add(process.app.name, item)
  end
end
if eco > 0 then
  local name = "all Eco dynos"
  local item = { kind = "eco", name = name, plan = "Eco", quantity = eco, cents = size_cents.eco }
  item.team = WHOLE
  add(WHOLE, item)
end

for _, one in ipairs(list.unique_by(heroku.list_account_addons(), "id")) do
  local price = one.billed_price
  local is_contract = price and price.contract
  if one.state ~= "deprovisioned" then
    local plan = one.plan and one.plan.name or ""
    local item = { kind = "add-on", name = one.name, plan = plan, quantity = 1 }
    item.cents = not is_contract and in_a_month(price) or nil
    local unknown = price and price.unit and "by " .. price.unit or "not shown"
    item.price = item.cents and "known" or is_contract and "contract" or unknown
    add(one.app.name, item)
  end
end
for _, space in ipairs(heroku.list_spaces()) do
  local plan = space.shield and "Shield" or "Private"
  local item = { kind = "private space", name = space.name, plan = plan, quantity = 1 }
  item.price, item.team = "not shown", space.team and space.team.name
  add(nil, item)
end
return list.sort_by(rows, "cents", "desc")
