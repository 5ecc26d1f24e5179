-- title: Deadlines
-- about: One row for each thing that has a day, the next one first. `kind` is `database maintenance` (Heroku moves a
--   Postgres or Redis database, or upgrades one of a version that is at its end of life, at the latest on that day),
--   `stack builds end` (from that day on nothing can be built), `stack support ends`, `certificate` (its last day),
--   `authorization` (a token that ends) or `unpaid` (Heroku suspends or deletes a team or the account; no API says which
--   of its apps or add-ons is not paid). `forced` says that Heroku does it by itself. The day of a database comes from Heroku, never
--   from its version; that of a stack comes from a table in this package, and is here until it is past.
--   `scheduled_for` is when Heroku runs a maintenance before that day, unless somebody moves it. `command` is what to
--   type, or the page to go to. A row without a day says in `unread` what could not be read, and why.
-- needs: list_apps
-- key: kind, what, app, day
-- columns: day, days_left, kind, what, app, team, owner, forced, scheduled_for, command, unread
-- page: day, days_left, kind, what, app, team, forced
local FORCED = { ["database maintenance"] = true, ["stack builds end"] = true, unpaid = true }
local SITE, apps, rows = "https://dashboard.heroku.com/", heroku.list_apps(), {}
local moments, app_of = {}, {}
for _, app in ipairs(apps) do app_of[app.id], app_of[app.name] = app, app end

-- Add a row for a thing of an app; `row` has its other columns. What has no day and was read is left out.
local function add(kind, what, moment, command, app, row)
  app, row = app or {}, row or {}
  if not moment and not row.unread then return end
  row.kind, row.what, row.command, row.app = kind, what, command, row.app or app.name
  row.team, row.owner = row.team or (app.team or {}).name, row.owner or (app.owner or {}).email
  row.forced = moment and FORCED[kind] == true
  if moment then row.day, row.days_left = moment:sub(1, 10), math.floor(time.days_until(moment)) end
  rows[#rows + 1], moments[row] = row, moment or "9999"
end
local function read(kind, name, argument, items)
  if items and not items[1] then return {} end
  local passed = { errors = "collect" }
  if argument then passed[argument] = items end
  local is_read, records, failures = pcall(heroku[name], passed)
  if not is_read then records, failures = {}, { failures } end
  for _, one in ipairs(failures or {}) do
    local item, reason = one[argument or ""], (one.status or "") .. " " .. (one.id or one.type)
    add(kind, item or name, nil, nil, app_of[item], { unread = reason })
  end
  return records
end

for _, one in ipairs(heroku.tables.maintenances()) do
  local row = { app = one.app, team = one.team, owner = one.owner, unread = one.unread }
  row.scheduled_for = one.scheduled_for
  local command = "heroku data:maintenances:info " .. one.name .. " -a " .. (one.app or "APP")
  add("database maintenance", one.name, one.required_by or one.scheduled_for, command, nil, row)
end
local dates, now = list.index_by(heroku.list_stack_dates(), "stack"), time.now():sub(1, 10)
local function coming(day) return day and day >= now and day or nil end
for _, app in ipairs(apps) do
  local command = "heroku stack:set heroku-26 -a " .. app.name
  local stack, next_stack = (app.stack or {}).name, (app.build_stack or {}).name
  local ends = list.find((dates[next_stack] or {}).builds or {}, { builds = "not possible" })
  add("stack builds end", next_stack, coming(ends and ends.since), command, app)
  add("stack support ends", stack, coming((dates[stack] or {}).supported_until), command, app)
end
for _, one in ipairs(read("certificate", "list_sni_endpoints", "app_id", apps)) do
  local cert, app = one.ssl_cert or {}, app_of[one.app and one.app.id or one.app_id] or {}
  local domains = list.join(cert.cert_domains or {}, ", ")
  local command = "heroku certs:info --name " .. one.name .. " -a " .. (app.name or "APP")
  add("certificate", domains ~= "" and domains or one.name, cert.expires_at, command, app)
end
for _, one in ipairs(read("authorization", "list_oauth_authorizations")) do
  local command, seconds = "heroku authorizations:info ", (one.access_token or {}).expires_in
  local ends, row = seconds and time.ago(-seconds / 86400), { owner = one.user and one.user.email }
  add("authorization", one.description or one.id, ends, command .. one.id, nil, row)
end
local function add_unpaid(one, of, page, app)
  add("unpaid", "suspension" .. of, one.scheduled_suspension_time, SITE .. page, app)
  add("unpaid", "deletion" .. of, one.scheduled_deletion_time, SITE .. page, app)
end
for _, one in ipairs(read("unpaid", "get_team_delinquency", "team", heroku.list_teams())) do
  add_unpaid(one, "", "teams/" .. one.team, { team = { name = one.team } })
end
add_unpaid(read("unpaid", "get_account_delinquency"), " of the account", "account/billing")
return list.sort_by(rows, function(row) return moments[row] .. row.kind .. row.what end)
