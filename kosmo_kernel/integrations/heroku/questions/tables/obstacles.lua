-- title: What makes a move hard
-- about: One row for each thing that does not move by itself. `obstacle` is one of: shared add-ons (several apps use one
--   add-on, so that these apps move together or their data is divided), add-ons that only Heroku has (one row for each
--   service), review apps, Private Spaces, and the domains that ACM serves.
-- needs: list_account_addons, list_addon_attachments, list_pipeline_couplings, list_review_apps, list_spaces, list_domains
-- key: obstacle, what
-- columns: obstacle, what, count
local rows, used_by, reviews, managed = {}, {}, {}, {}
local function add(obstacle, what, count)
  rows[#rows + 1] = { obstacle = obstacle, what = what, count = count or 1 }
end
local function itself(name) return name end
local function add_sorted(obstacle, names)
  for _, name in ipairs(list.sort_by(names, itself)) do add(obstacle, name) end
end
local addons, apps = heroku.tables.addons(), heroku.list_apps()
for _, one in ipairs(addons) do used_by[one.name] = { table.unpack(one.used_by or {}) } end
for _, one in ipairs(heroku.tables.addon_attachments()) do -- also of apps that cannot be read
  local users = used_by[one.addon] or {}
  used_by[one.addon] = users
  local function is_app(name) return name == one.app end
  if not list.find(users, is_app) then users[#users + 1] = one.app end
end
local shared = {}
for addon, users in pairs(used_by) do
  if #users > 1 then shared[#shared + 1] = addon .. ": " .. table.concat(users, ", ") end
end
add_sorted("Shared add-ons", shared)
local services, order = {}, {}
for _, one in ipairs(list.filter(addons, { only_on_heroku = true })) do
  if not services[one.service] then order[#order + 1] = one.service end
  services[one.service] = (services[one.service] or 0) + 1
end
local function count_of(service) return services[service] end
for _, service in ipairs(list.sort_by(order, count_of, "desc")) do
  add("Add-ons that only Heroku has", service, services[service])
end
local staged = list.filter(heroku.tables.stages(), { by = "pipeline", stage = "review" })
for _, one in ipairs(staged) do reviews[#reviews + 1] = one.app end
local reachable = list.index_by(list.unique_by(apps, "name"), "name")
for _, one in ipairs(heroku.tables.review_apps()) do
  if reachable[one.app or ""] then reviews[#reviews + 1] = one.app end
end
add_sorted("Review apps", list.unique_by(reviews, itself))
add_sorted("Private Spaces", list.map(heroku.list_spaces(), "name"))
for _, one in ipairs(heroku.tables.domains()) do
  local app = one.certificate and one.acm_status and reachable[one.app or ""]
  if app and app.acm then managed[#managed + 1] = one.hostname end
end
add_sorted("Domains with a certificate from Heroku", list.unique_by(managed, itself))
return rows
