-- title: Maintenances of databases
-- about: One row for each Postgres, Key-Value Store and Kafka add-on of Heroku's own, under the app that owns it, with
--   what Heroku is going to do to it. `status` is Heroku's word, such as `pending`, `ready` or `completed`; `none` where it
--   plans nothing, and on Essential and mini plans, which have no such page. `required_by` is the last moment,
--   `scheduled_for` when Heroku does it by itself; a maintenance that is completed has no days. `lent` says that an app
--   out of reach owns the add-on. `unread` says what could not be read and why; what is null then is not known.
-- needs: list_account_addons
-- key: id
-- columns: name, service, plan, app, team, owner, status, required_by, scheduled_for, window, used_by, state, lent,
--   unread, id, app_id
-- page: name, plan, app, status, required_by, scheduled_for
-- order: app, name
local apps = list.index_by(list.unique_by(heroku.list_apps(), "id"), "id")
local addons = list.unique_by(heroku.list_account_addons(), "id")
local uses, own = heroku.list_addon_attachments(), list.index_by(addons, "id")
local attachments, has_apps = list.group_by(uses, "addon.id"), was_read("list_apps") or nil

-- Return the records of a function about some items, and the failures by item.
local function read(name, argument, items)
  if not items[1] then return {}, {} end
  local failed, rows, failures = {}, heroku[name]({ [argument] = items, errors = "collect" })
  for _, one in ipairs(failures) do failed[one[argument]] = one end
  return rows, failed
end
local function words(one) return one and (one.status or "") .. " " .. (one.id or one.type) end
local function is_time(text) return text == nil or pcall(time.days_until, text) end
local function users_of(addon)
  local names = list.map(attachments[addon.id] or {}, "app.name")
  if apps[addon.app.id] then names[#names + 1] = addon.app.name end
  names = list.sort_by(list.unique_by(names, tostring), tostring)
  return was_read("list_addon_attachments") and json.array(names) or nil
end

-- An add-on of an app out of reach is in the list of the app that uses it.
local lent = list.reject(uses, function(use) return own[use.addon.id] end)
local used, unknown = read("list_addons", "app_id", list.unique_by(list.map(lent, "app"), "id"))
local known = list.unique_by(list.flatten({ addons, used }), "id")
local databases = list.filter(known, function(addon)
  return regex.match(addon.plan.name, "^heroku-(?:postgresql|redis|kafka)")
end)
-- Kafka may be missing in the list of its app, and an app out of reach has none.
local function is_alone(one) return not apps[one.app.id] or one.plan.name:find("^heroku%-kafka") end
local owners = list.unique_by(list.map(list.reject(databases, is_alone), "app"), "id")
local planned, no_list = read("list_maintenances", "app_id", owners)
local single, no_record = read("list_maintenances", "addon_id", list.filter(databases, is_alone))
local ids = {}
for _, addon in ipairs(known) do ids[addon.id], ids[addon.name] = addon.id, addon.id end
-- Return the add-on that a maintenance is of; its app where the maintenance does not say that.
local function key_of(one)
  local addon = one.addon or {}
  return ids[addon.uuid] or ids[addon.name] or one.app_id
end
local of = list.index_by(list.unique_by(planned, key_of), key_of)
for _, one in ipairs(single) do of[one.addon_id] = one end

local function row_of(addon)
  local app, plan, planned = apps[addon.app.id], addon.plan.name, of[addon.id]
  local failure = no_record[addon.id] or not is_alone(addon) and no_list[addon.app.id]
  local reason = words(failure) or of[addon.app.id] and "one of no known add-on" or nil
  local days = planned and planned.status ~= "completed" and planned or {}
  local are_times = is_time(days.required_by) and is_time(days.scheduled_for)
  if not are_times then reason, days = "a day that is no time", {} end
  return {
    name = addon.name, service = plan:match("[^:]*"), plan = plan:match(":(.*)"), id = addon.id,
    team = app and app.team and app.team.name, owner = app and app.owner and app.owner.email,
    status = planned and (planned.status or "unknown") or not reason and "none" or nil,
    required_by = days.required_by, scheduled_for = days.scheduled_for,
    window = planned and (planned.window or planned.addon and planned.addon.window),
    used_by = users_of(addon), state = addon.state, app = addon.app.name, app_id = addon.app.id,
    lent = not app and has_apps, unread = reason and "maintenance: " .. reason,
  }
end
local missing = list.reject(lent, function(use) return ids[use.addon.id] end)
local unread = list.map(list.unique_by(missing, "addon.id"), function(use)
  local one, why = use.addon, words(unknown[use.app.id]) or "not in the list of the app"
  return { name = one.name, app = one.app.name, used_by = users_of(one), lent = true,
    unread = "add-on: " .. why, id = one.id, app_id = one.app.id }
end)
return list.flatten({ list.map(databases, row_of), unread })
