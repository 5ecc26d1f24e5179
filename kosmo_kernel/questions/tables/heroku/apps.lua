-- title: Apps
-- about: Every app that the account can reach, with what it runs and what it costs a month.
-- needs: list_apps
-- key: name
-- columns: name, team, owner, space, region, stack, generation, buildpack, pipeline, stage, process_types, dynos,
--   addons, custom_domains, config_vars, people, seats, monthly_usd_dynos, monthly_usd_addons, monthly_usd,
--   unknown_prices, maintenance, acm, review_app, created_at, released_at, web_url, git_url, id
-- page: name, team, region, stack, pipeline, stage, dynos, addons, custom_domains, monthly_usd
-- order: name
local apps = heroku.list_apps()
local placed = list.index_by(list.filter(heroku.tables.stages(), { by = "pipeline" }), "app")
local costs = list.group_by(heroku.tables.costs(), "app")
local reached = list.group_by(heroku.tables.access(), "app")
local reviews = list.group_by(heroku.tables.review_apps(), "app")

-- Return a function that returns the records of an app, or nil where they could not be read.
local function by_app(name, key, options)
  local groups = list.group_by(heroku[name](options or {}), key)
  return function(app) return was_read(name, app.name) and (groups[app.name] or {}) or nil end
end
local of_apps = { app_id = apps }
local formation = by_app("list_formation", "app_id", of_apps)
local addons = by_app("list_account_addons", "app.name")
local domains = by_app("list_domains", "app_id", of_apps)
local vars = by_app("list_config_vars", "app_id", of_apps)

-- Return the known costs of one kind in dollars, and the number of unknown ones, of an app whose list was read.
local function cost_of(app, kind, rows)
  if not rows then return nil, nil end
  local own = list.filter(costs[app.name] or {}, { kind = kind })
  return list.sum_by(own, "cents") / 100, #list.reject(own, "cents")
end

return list.map(apps, function(app)
  local place, ways = placed[app.name] or {}, reached[app.name] or {}
  local running, owned, hosts, names = formation(app), addons(app), domains(app), vars(app)
  local dynos, unknown = cost_of(app, "dyno", running)
  local extras, unknown_extras = cost_of(app, "add-on", owned)
  local has_seats = was_read("list_collaborators", app.name)
  return {
    name = app.name, team = app.team and app.team.name, owner = app.owner and app.owner.email,
    space = app.space and app.space.name, region = app.region and app.region.name,
    stack = app.stack and app.stack.name, generation = app.generation and app.generation.name,
    buildpack = app.buildpack_provided_description, pipeline = place.pipeline, stage = place.stage,
    process_types = running and #running, dynos = running and list.sum_by(running, "quantity"),
    addons = owned and #owned, custom_domains = hosts and #list.filter(hosts, { kind = "custom" }),
    config_vars = names and #names,
    seats = has_seats and #list.filter(ways, { seat = true }) or nil,
    people = has_seats and was_read("list_team_members") and #ways or nil,
    monthly_usd_dynos = dynos, monthly_usd_addons = extras,
    monthly_usd = dynos and extras and dynos + extras,
    unknown_prices = dynos and extras and unknown + unknown_extras, maintenance = app.maintenance,
    acm = app.acm, review_app = place.stage == "review" or reviews[app.name] ~= nil,
    created_at = app.created_at, released_at = app.released_at, web_url = app.web_url,
    git_url = app.git_url, id = app.id,
  }
end)
