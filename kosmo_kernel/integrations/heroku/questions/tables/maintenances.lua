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
local SERVICES = { "heroku-postgresql", "heroku-redis", "heroku-kafka" }
local apps = list.index_by(list.unique_by(heroku.list_apps(), "id"), "id")
local addons = list.unique_by(heroku.list_account_addons(), "id")
local attachments = list.group_by(heroku.list_addon_attachments(), "addon.id")
local own, lent = list.index_by(addons, "id"), {}
for id in pairs(attachments) do if not own[id] then lent[#lent + 1] = id end end
table.sort(lent)

-- Return the records of a function about some items, and the failures by item.
local function read(name, argument, items)
  if not items[1] then return {}, {} end
  local rows, failures = heroku[name]({ [argument] = items, errors = "collect" })
  return rows, list.index_by(list.unique_by(failures, argument), argument)
end
local function words(one) return (one.status or "") .. " " .. (one.id or one.type) end
local function service_of(plan)
  for _, name in ipairs(SERVICES) do if plan:find(name, 1, true) == 1 then return name end end
end
local function is_time(text) return text == nil or pcall(time.days_until, text) end
local function users_of(addon)
  local names = list.map(attachments[addon.id] or {}, "app.name")
  if apps[addon.app.id] then names[#names + 1] = addon.app.name end
  return json.array(list.sort_by(list.unique_by(names, tostring), tostring))
end

local borrowed, unknown = read("get_addon", "addon_id", lent)
local databases = list.filter(list.flatten({ addons, borrowed }), function(addon)
  return service_of(addon.plan.name)
end)
-- Kafka may be missing in the list of its app, and an app out of reach has none.
local function is_alone(addon)
  return not apps[addon.app.id] or service_of(addon.plan.name) == "heroku-kafka"
end
local owners = list.unique_by(list.map(list.reject(databases, is_alone), "app"), "id")
local planned, no_list = read("list_maintenances", "app_id", owners)
local single, no_record = read("list_maintenances", "addon_id", list.filter(databases, is_alone))
local maintenances = list.unique_by(list.flatten({ planned, single }), "addon.uuid")
local of = list.index_by(maintenances, "addon.uuid")

local function row_of(addon)
  local app, plan, planned = apps[addon.app.id], addon.plan.name, of[addon.id]
  local failure = no_record[addon.id] or not is_alone(addon) and no_list[addon.app.id]
  local reason = failure and words(failure)
  local days = planned and planned.status ~= "completed" and planned or {}
  if not (is_time(days.required_by) and is_time(days.scheduled_for)) then
    reason, days = "a day that is no time", {}
  end
  return {
    name = addon.name, service = service_of(plan), plan = plan:match(":(.*)"), app = addon.app.name,
    team = app and app.team and app.team.name, owner = app and app.owner and app.owner.email,
    status = planned and (planned.status or "unknown") or not reason and "none" or nil,
    required_by = days.required_by, scheduled_for = days.scheduled_for,
    window = planned and (planned.window or planned.addon and planned.addon.window),
    used_by = users_of(addon), state = addon.state, lent = not app,
    unread = reason and "maintenance: " .. reason or nil, id = addon.id, app_id = addon.app.id,
  }
end
local unread = list.map(list.filter(lent, function(id) return unknown[id] end), function(id)
  local one = attachments[id][1].addon
  return {
    name = one.name, app = one.app.name, used_by = users_of(one), lent = true,
    unread = "add-on: " .. words(unknown[id]), id = id, app_id = one.app.id,
  }
end)
return list.flatten({ list.map(databases, row_of), unread })
