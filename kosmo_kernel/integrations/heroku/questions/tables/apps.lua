-- title: Apps
-- about: Every app that the account can reach, with what it runs and what it costs a month. `unknown_prices` are
--   costs that no sum has; a sum is empty where nothing else costs money.
-- needs: list_apps
-- key: name
-- columns: name, team, owner, space, region, stack, generation, buildpack, pipeline, stage, process_types, dynos,
--   addons, custom_domains, config_vars, people, seats, monthly_usd_dynos, monthly_usd_addons, monthly_usd,
--   unknown_prices, maintenance, acm, review_app, created_at, released_at, web_url, git_url, id
-- page: name, team, region, stack, pipeline, stage, dynos, addons, custom_domains, monthly_usd,
--   unknown_prices
-- order: name
local apps = heroku.list_apps()
local of_apps = { app_id = apps }
local placed = list.index_by(list.filter(heroku.tables.stages(), { by = "pipeline" }), "app")
local reviews = list.count_by(heroku.tables.review_apps(), "app")
local formation, domains = heroku.list_formation(of_apps), heroku.list_domains(of_apps)
local custom = list.filter(domains, { kind = "custom" })

-- Return a function that returns the number of records of an app, or nil where they could not be read.
local function counter(name, rows, key)
  local counts = list.count_by(rows, key)
  return function(app) return was_read(name, app.name) and (counts[app.name] or 0) or nil end
end
local process_types = counter("list_formation", formation, "app_id")
local addons = counter("list_account_addons", heroku.list_account_addons(), "app.name")
local custom_domains = counter("list_domains", custom, "app_id")
local config_vars = counter("list_config_vars", heroku.list_config_vars(of_apps), "app_id")

local sums = {} -- by what and app
local function add(what, app, number)
  local key = what .. " " .. (app or "")
  sums[key] = (sums[key] or 0) + number
end
local function sum(what, app) return sums[what .. " " .. app.name] or 0 end
-- Return an amount in dollars; nil where it is 0 and other prices are not known, or they could not be read.
local function usd(cents, unknown) return (cents > 0 or unknown == 0) and cents / 100 or nil end
for _, process in ipairs(formation) do add("quantity", process.app_id, process.quantity) end
for _, cost in ipairs(heroku.tables.costs()) do
  add(cost.kind, cost.app, cost.cents or 0)
  add("unknown " .. cost.kind, cost.app, cost.cents and 0 or 1)
end
for _, way in ipairs(heroku.tables.access()) do
  add("people", way.app, 1)
  add("seats", way.app, way.seat and 1 or 0)
end

return list.map(apps, function(app)
  local place, types, owned = placed[app.name] or {}, process_types(app), addons(app)
  local has_prices = types and was_read("list_dyno_sizes")
  local dynos, extras = sum("dyno", app), sum("add-on", app)
  local unknown_dynos, unknown_extras = sum("unknown dyno", app), sum("unknown add-on", app)
  local has_seats, is_priced = was_read("list_collaborators", app.name), has_prices and owned
  local has_teams = was_read("list_teams") and was_read("list_team_members")
  return {
    name = app.name, team = app.team and app.team.name, owner = app.owner and app.owner.email,
    space = app.space and app.space.name, region = app.region and app.region.name,
    stack = app.stack and app.stack.name, generation = app.generation and app.generation.name,
    buildpack = app.buildpack_provided_description, pipeline = place.pipeline, stage = place.stage,
    process_types = types, dynos = types and sum("quantity", app), addons = owned,
    custom_domains = custom_domains(app), config_vars = config_vars(app),
    people = has_seats and has_teams and sum("people", app) or nil,
    seats = has_seats and sum("seats", app) or nil,
    monthly_usd_dynos = has_prices and usd(dynos, unknown_dynos) or nil,
    monthly_usd_addons = owned and usd(extras, unknown_extras),
    monthly_usd = is_priced and usd(dynos + extras, unknown_dynos + unknown_extras) or nil,
    unknown_prices = is_priced and unknown_dynos + unknown_extras or nil,
    maintenance = app.maintenance, acm = app.acm,
    review_app = place.stage == "review" or reviews[app.name] ~= nil, created_at = app.created_at,
    released_at = app.released_at, web_url = app.web_url, git_url = app.git_url, id = app.id,
  }
end)
