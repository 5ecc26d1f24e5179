-- title: Terraform imports
-- about: What the Terraform provider heroku/heroku can import: the type of each resource, what to call it, and the
--   identifier by which the provider's documentation imports it. Review apps are left out, and so is what Heroku or an
--   add-on makes by itself, such as what ACM renews, and an add-on's own drain and first attachment.
-- needs: list_apps
-- key: resource, id
-- columns: resource, name, id
local apps, rows, reviews, managed = heroku.list_apps(), {}, {}, {}
local names, of_apps = list.index_by(list.unique_by(apps, "id"), "id"), { app_id = apps }
local staged = list.filter(heroku.tables.stages(), { by = "pipeline", stage = "review" })
for _, one in ipairs(staged) do reviews[one.app] = true end
for _, one in ipairs(heroku.tables.review_apps()) do reviews[one.app or false] = true end
local function add(resource, name, id)
  rows[#rows + 1] = { resource = "heroku_" .. resource, name = name, id = id }
end
local function add_pair(resource, a, b) add(resource, a .. "_" .. b, a .. ":" .. b) end
local function is_person(email) return not email:lower():find("@herokumanager%.com$") end
local function each(records, add_one) -- gets each record, its app's name, and the app
  for _, one in ipairs(records) do
    local app = one.app or {}
    local name = (names[app.id or ""] or app).name or one.app_id or app.id
    if not reviews[name] then add_one(one, name, names[app.id or ""]) end
  end
end
for _, one in ipairs(heroku.list_spaces()) do add("space", one.name, one.id) end
for _, one in ipairs(heroku.list_space_members({ space = heroku.list_spaces() })) do
  if is_person(one.user.email) then add_pair("space_app_access", one.space.name, one.user.email) end
end
for _, one in ipairs(heroku.list_team_members({ team = heroku.list_teams() })) do
  if one.role ~= "collaborator" then add_pair("team_member", one.team, one.email) end
end
for _, app in ipairs(apps) do if not reviews[app.name] then add("app", app.name, app.id) end end
each(heroku.list_formation(of_apps), function(one, app) add_pair("formation", app, one.type) end)
each(heroku.list_collaborators(of_apps), function(one, app, known)
  local email, team = one.user.email, known and known.team
  if not is_person(email) then return end
  if team and #(one.permissions or {}) > 0 then add_pair("team_collaborator", app, email) end
  if not team and one.role ~= "owner" then add_pair("collaborator", app, email) end
end)
local lasting = list.reject(heroku.list_account_addons(), { state = "deprovisioned" })
each(lasting, function(one) add("addon", one.name, one.id) end)
local attachments = heroku.list_addon_attachments()
local function age(one) return (one.created_at or "") .. one.name end
local function is_own(one) return one.addon.app and one.addon.app.id == one.app.id end
local own = list.sort_by(list.filter(attachments, is_own), age)
local first = list.index_by(list.unique_by(own, "addon.id"), "id")
each(attachments, function(one, app)
  if not first[one.id] then add("addon_attachment", app .. "_" .. one.name, one.id) end
end)
for _, one in ipairs(heroku.tables.sni_endpoints()) do managed[one.id] = one.managed_by_heroku end
local custom = list.filter(heroku.list_domains(of_apps), { kind = "custom" })
each(custom, function(one, app) add("domain", one.hostname, app .. ":" .. one.id) end)
each(heroku.list_sni_endpoints(of_apps), function(one, app)
  if managed[one.id] == false then add("ssl", app .. "_" .. one.name, app .. ":" .. one.id) end
end)
each(list.reject(heroku.list_log_drains(of_apps), "addon"), function(one, app)
  add("drain", app .. "_" .. (one.host or "drain"), app .. ":" .. one.id .. ":sensitive")
end)
local telemetry = list.filter(heroku.tables.drains(), { kind = "telemetry" })
for _, one in ipairs(telemetry) do add("telemetry_drain", one.host or "drain", one.id) end
for _, one in ipairs(heroku.list_pipelines()) do add("pipeline", one.name, one.id) end
for _, one in ipairs(heroku.tables.pipeline_stages()) do
  local name = one.pipeline .. "_" .. one.stage .. "_" .. one.app
  if not reviews[one.app] then add("pipeline_coupling", name, one.id) end
end
return rows
