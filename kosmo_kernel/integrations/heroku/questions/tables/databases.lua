-- title: Databases
-- about: One row for each Postgres, Key-Value Store and Kafka add-on of Heroku's own, with what its service says of it.
--   `maintenance` is the status of what Heroku plans, with its days, as in the table `maintenances`. `follows` and
--   `forked_from` are names of databases, `(out of reach)` of one that is not here. `last_backup` is the end of the last
--   good backup, `schedules` are the hours of automatic ones; a database with continuous protection has physical backups
--   besides. `unread` says what could not be read, and why; what is null then is not known.
-- needs: list_account_addons
-- key: id
-- columns: name, service, plan, app, team, used_by, state, version, size_bytes, size_limit_bytes, connections,
--   connections_limit, follows, forked_from, followers, eviction_policy, last_backup, schedules, continuous_protection,
--   window, maintenance, required_by, scheduled_for, lent, unread, id
-- page: name, plan, app, version, maintenance, required_by, last_backup, unread
-- order: app, name
local rows = heroku.tables.maintenances()
local function is_made(row) return row.service and row.state ~= "provisioning" end
local readable, reasons = list.filter(rows, is_made), {}
local function read(what, name, argument, items)
  if not items[1] then return {} end
  local records, failures = heroku[name]({ [argument] = items, errors = "collect" })
  for _, one in ipairs(failures) do
    local item, reason = one[argument], (one.status or "") .. " " .. (one.id or one.type)
    reasons[what .. " " .. item] = reason
    reasons[item] = (reasons[item] and reasons[item] .. "; " or "") .. what .. ": " .. reason
  end
  return records
end
local function addon_of(row)
  return { id = row.id, plan = { name = row.service .. ":" .. row.plan } }
end
local function has_backups(row)
  return row.service == "heroku-postgresql" and not regex.match(row.plan, "^(advanced|perf)")
end
local saved = list.filter(readable, has_backups)
local owned = list.map(list.reject(saved, "lent"), "app_id")
local records = read("database", "get_database", "addon_id", list.map(readable, addon_of))
local schedules = read("schedules", "list_backup_schedules", "addon_id", list.map(saved, addon_of))
local backups = read("backups", "list_backups", "app_id", owned)

local found = list.index_by(records, "asked_addon_id")
local at = list.group_by(list.filter(records, "address"), "address")
local followers = list.group_by(list.filter(records, "following_address"), "following_address")
local hours, last = list.group_by(list.filter(schedules, "hour"), "addon_id"), {}
local function hour_of(one) return string.format("%02d:00 %s", one.hour, one.timezone or "UTC") end
local function name_of(address)
  return address and (at[address] and at[address][1].name or "(out of reach)")
end
-- A backup names the attachment to the app that it is in the list of.
local attached = {}
for _, one in ipairs(heroku.list_addon_attachments()) do
  attached[one.app.id .. " " .. one.name] = one.addon.id
end
for _, one in ipairs(backups) do
  local id, is_good = attached[one.app_id .. " " .. (one.from_name or "")], one.succeeded == true
  local at = one.kind == "backup" and is_good and not one.deleted_at and one.finished_at
  if id and at and at > (last[id] or "") then last[id] = at end
end

return list.map(rows, function(row)
  local one, of_app = found[row.id] or {}, row.service and has_backups(row) and reasons[row.app_id]
  local missing = { row.unread or "", reasons[row.id] or "", of_app or "",
    row.service and not is_made(row) and "database: " .. row.state or "" }
  missing = list.reject(missing, function(text) return text == "" end)
  return {
    name = row.name, service = row.service, plan = row.plan, app = row.app, team = row.team,
    used_by = row.used_by, state = row.state, version = one.version, size_bytes = one.size_bytes,
    size_limit_bytes = one.size_limit_bytes, connections = one.connections,
    connections_limit = one.connections_limit, follows = name_of(one.following_address),
    forked_from = name_of(one.forked_from_address), last_backup = last[row.id], lent = row.lent,
    followers = found[row.id] and json.array(list.map(followers[one.address or 0] or {}, "name")),
    eviction_policy = one.eviction_policy, continuous_protection = one.continuous_protection,
    schedules = is_made(row) and not reasons["schedules " .. row.id]
      and json.array(list.map(hours[row.id] or {}, hour_of)) or nil,
    maintenance = row.status, required_by = row.required_by, scheduled_for = row.scheduled_for,
    unread = missing[1] and list.join(missing, "; "), window = row.window, id = row.id,
  }
end)
