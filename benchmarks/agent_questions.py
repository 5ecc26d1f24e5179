"""The 25 questions of the audits, as an agent asks them: one chunk of Lua each, for `lua_run`.

The demo company plays on one day, so ages are counted to `2026-11-20T09:00:00Z`. "What has changed" is asked of Heroku
and not of a snapshot: what was made or released since a day.
"""

from __future__ import annotations

APP = "my-app"  # the app of the question about one
QUESTIONS = {
    "Which apps are on a stack that is out of support, or change it at the next build?": """
local stacks, rows = list.index_by(heroku.list_stacks(), "name"), {}
for _, app in ipairs(heroku.list_apps()) do
  local on, build = app.stack.name, app.build_stack.name
  if not stacks[on] or stacks[on].state == "deprecated" or on ~= build then
    rows[#rows + 1] = { app = app.name, stack = on, next_build = build, owner = app.owner.email }
  end
end
return rows""",
    "Which apps had no release for half a year, or never?": """
local quiet = list.filter(heroku.list_apps(), function(app)
  return not app.released_at or app.released_at < "2026-05-24T09"
end)
return list.map(list.sort_by(quiet, "released_at"), function(app)
  return { app = app.name, released_at = app.released_at, owner = app.owner.email }
end)""",
    "Which apps are in maintenance, and since when at least?": """
return list.map(list.filter(heroku.list_apps(), "maintenance"), function(app)
  return { app = app.name, since = app.updated_at, owner = app.owner.email }
end)""",
    "Which apps run no dynos, but pay for add-ons?": """
local apps, rows = heroku.list_apps(), {}
local running = list.count_by(heroku.list_dynos({ app_id = apps }), "app.name")
for _, one in ipairs(list.unique_by(heroku.list_addons({ app_id = apps }), "id")) do
  local price, app = one.billed_price, one.app.name
  if price and price.cents > 0 and one.state ~= "deprovisioned" and not running[app] then
    rows[#rows + 1] = { app = app, plan = one.plan.name, usd = price.cents // 100 }
  end
end
return rows""",
    "Which dynos are crashed, since when, on which release?": """
local crashed = list.filter(heroku.list_dynos({ app_id = heroku.list_apps() }), { state = "crashed" })
return list.map(list.sort_by(crashed, "updated_at"), function(dyno)
  return { app = dyno.app.name, dyno = dyno.name, since = dyno.updated_at, release = dyno.release.version }
end)""",
    "Which one-off dynos were forgotten?": """
local one_off = list.filter(heroku.list_dynos({ app_id = heroku.list_apps() }), { type = { "run", "scheduler" } })
return list.map(list.filter(one_off, function(dyno) return dyno.created_at < "2026-11-19T09" end), function(dyno)
  return { app = dyno.app.name, dyno = dyno.name, since = dyno.created_at, command = dyno.command }
end)""",
    "Which production apps are on Eco or Basic dynos?": """
local rows = {}
for _, dyno in ipairs(heroku.list_dynos({ app_id = heroku.list_apps() })) do
  local app, size = dyno.app.name, dyno.size:lower()
  if (size == "eco" or size == "basic") and not (app:match("staging") or app:match("test") or app:match("review")) then
    rows[#rows + 1] = { app = app, dyno = dyno.name, size = size, state = dyno.state }
  end
end
return rows""",
    "What do dynos cost by app, team and size?": """
local apps, sums, usd, team = heroku.list_apps(), {}, {}, {}
for _, size in ipairs(heroku.list_dyno_sizes()) do usd[size.name:lower()] = size.cost.cents // 100 end
for _, app in ipairs(apps) do team[app.name] = app.team and app.team.name or app.owner.email end
for _, dyno in ipairs(heroku.list_dynos({ app_id = apps })) do
  local app, size = dyno.app.name, dyno.size:lower()
  for by, name in pairs({ size = size, team = team[app], app = app }) do
    local sum = sums[by .. name] or { by = by, name = name, usd = 0 }
    sums[by .. name], sum.usd = sum, sum.usd + (usd[size] or 0)
  end
end
local rows = {}
for _, sum in pairs(sums) do rows[#rows + 1] = sum end
return list.sort_by(list.sort_by(rows, "name"), "usd", "desc")""",
    "What do add-ons cost by app, team and service?": """
local apps, sums, team = heroku.list_apps(), {}, {}
for _, app in ipairs(apps) do team[app.name] = app.team and app.team.name or app.owner.email end
for _, one in ipairs(list.unique_by(heroku.list_addons({ app_id = apps }), "id")) do
  local app, cents = one.app.name, one.billed_price and one.billed_price.cents or 0
  for by, name in pairs({ service = one.addon_service.name, team = team[app], app = app }) do
    local sum = sums[by .. name] or { by = by, name = name, usd = 0 }
    sums[by .. name], sum.usd = sum, sum.usd + cents // 100
  end
end
local rows = {}
for _, sum in pairs(sums) do rows[#rows + 1] = sum end
return list.sort_by(list.sort_by(rows, "name"), "usd", "desc")""",
    "Which add-ons do several apps share?": """
local rows = {}
for name, uses in pairs(list.group_by(heroku.list_addons({ app_id = heroku.list_apps() }), "name")) do
  if uses[2] then
    local apps = list.join(uses, ", ", "app_id")
    rows[#rows + 1] = { add_on = name, plan = uses[1].plan.name, owner = uses[1].app.name, apps = apps }
  end
end
return list.sort_by(rows, "add_on")""",
    "Which add-ons are stuck or gone?": """
local addons = list.unique_by(heroku.list_addons({ app_id = heroku.list_apps() }), "id")
local stuck = list.filter(addons, function(one)
  return one.state == "provisioning" and one.created_at < "2026-11-20T08" or one.state == "deprovisioned"
end)
return list.map(stuck, function(one)
  return { add_on = one.name, app = one.app.name, plan = one.plan.name, state = one.state, since = one.created_at }
end)""",
    "Which databases of production are on entry plans?": """
local addons = list.unique_by(heroku.list_addons({ app_id = heroku.list_apps() }), "id")
local entry = list.filter(addons, function(one)
  local kind, app = one.plan.name:match("^heroku%-%a+:(%a+)"), one.app.name
  return (kind == "essential" or kind == "mini" or kind == "basic" or kind == "hobby")
    and not (app:match("staging") or app:match("test") or app:match("review"))
end)
return list.map(entry, function(one) return { app = one.app.name, plan = one.plan.name } end)""",
    "Which certificates fail, and why?": """
local domains = heroku.list_domains({ app_id = heroku.list_apps() })
return list.map(list.filter(domains, { acm_status = { "failing", "failed" } }), function(one)
  return { app = one.app.name, domain = one.hostname, status = one.acm_status, reason = one.acm_status_reason }
end)""",
    "Which domains have no certificate?": """
local apps = heroku.list_apps()
local acm = list.index_by(apps, "name")
local bare = list.filter(heroku.list_domains({ app_id = apps }), function(one)
  return one.kind == "custom" and not one.sni_endpoint and not acm[one.app.name].acm
end)
return list.map(bare, function(one) return { app = one.app.name, domain = one.hostname } end)""",
    "Which domains wait for DNS, and where should they point?": """
local waiting = list.filter(heroku.list_domains({ app_id = heroku.list_apps() }), function(one)
  return one.status == "pending" or one.acm_status_reason == "Invalid DNS"
end)
return list.map(waiting, function(one)
  return { app = one.app.name, domain = one.hostname, status = one.status, point_to = one.cname }
end)""",
    "Who has access from outside?": """
local seats = list.filter(heroku.list_collaborators({ app_id = heroku.list_apps() }), function(seat)
  return not (seat.user.email:match("@larkmoor%.example$") or seat.user.email:match("@herokumanager%.com$"))
end)
return list.count_by(seats, "user.email")""",
    "What can tom.ashby@postbox.example reach?": """
local seats = heroku.list_collaborators({ app_id = heroku.list_apps() })
return list.map(list.filter(seats, { ["user.email"] = "tom.ashby@postbox.example" }), function(seat)
  return { app = seat.app.name, role = seat.role, since = seat.created_at }
end)""",
    "Which apps belong to a person?": """
return list.map(list.reject(heroku.list_apps(), "team"), function(app)
  return { app = app.name, owner = app.owner.email }
end)""",
    "Who may deploy, operate and manage which app?": """
local rows = {}
for _, seat in ipairs(heroku.list_collaborators({ app_id = heroku.list_apps() })) do
  local may = list.join(seat.permissions or {}, ", ", "name")
  if not seat.user.email:match("@herokumanager%.com$") then
    rows[#rows + 1] = { app = seat.app.name, who = seat.user.email, may = may ~= "" and may or seat.role }
  end
end
return rows""",
    "Who of us comes in without single sign-on?": """
local seats = heroku.list_collaborators({ app_id = heroku.list_apps() })
local plain = list.filter(seats, function(seat)
  return seat.user.email:match("@larkmoor%.example$") and not seat.user.federated
end)
return list.count_by(plain, "user.email")""",
    "How many apps are in each region, space and generation?": """
return list.count_by(heroku.list_apps(), function(app)
  local space = app.space and app.space.name or "common runtime"
  return app.region.name .. ", " .. space .. ", " .. app.generation.name
end)""",
    "Is the account verified, with a second factor, suspended, or behind with payments?": """
local me = heroku.get_current_user()
return {
  email = me.email, verified = me.verified, federated = me.federated, two_factor = me.two_factor_authentication,
  suspended_at = me.suspended_at, delinquent_at = me.delinquent_at,
}""",
    "Which apps run two releases at once?": """
local rows = {}
for app, dynos in pairs(list.group_by(heroku.list_dynos({ app_id = heroku.list_apps() }), "app.name")) do
  local web = list.reject(dynos, { type = { "run", "scheduler" } })
  local releases = list.count_by(web, "release.version")
  local first = next(releases)
  if first and next(releases, first) then rows[#rows + 1] = { app = app, dynos_by_release = releases } end
end
return rows""",
    "What has changed since 20 October?": """
local apps, since, rows = heroku.list_apps(), "2026-10-20", {}
for what, name in pairs({ releases = "description", addons = "name", domains = "hostname", collaborators = "user" }) do
  for _, one in ipairs(heroku["list_" .. what]({ app_id = apps })) do
    if one.created_at >= since then
      rows[#rows + 1] = { app = one.app.name, what = what, name = one[name] .. "", at = one.created_at }
    end
  end
end
return list.sort_by(list.sort_by(rows, function(row) return row.what .. row.app .. row.name end), "at", "desc")""",
    "How is my-app, on one page?": """
local name = "my-app"
local app, dynos = heroku.get_app(name), heroku.list_dynos(name)
return {
  owner = app.owner.email, team = app.team, stack = app.stack.name, maintenance = app.maintenance,
  released_at = app.released_at, releases = list.count_by(dynos, "release.version"),
  dynos = list.count_by(dynos, "state"), down = list.map(list.reject(dynos, { state = "up" }), "name"),
  add_ons = list.index_by(list.map(heroku.list_addons(name), function(one)
    return { plan = one.plan.name, state = one.state }
  end), "plan"),
  certificates = list.count_by(heroku.list_domains(name), "acm_status"),
  people = list.map(heroku.list_collaborators(name), "user.email"),
}""",
}
