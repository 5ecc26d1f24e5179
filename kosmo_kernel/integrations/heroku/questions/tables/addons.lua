-- title: Add-ons
-- about: Every add-on once, under the app that owns it, with the apps that use it.
-- needs: list_account_addons
-- key: id
-- columns: name, service, plan, owner_app, team, used_by, apps_using, shared, state, monthly_usd, price, database,
--   only_on_heroku, config_vars, created_at, id
-- page: name, plan, owner_app, used_by, state, monthly_usd
-- order: owner_app, name
local DATABASES = "postgres mysql maria jawsdb cleardb mssql redis valkey kafka mongo couch "
  .. "cassandra elastic opensearch bonsai searchbox neo4j graphene memcach "
  .. "timescale influx crunchy stackhero dynamo qdrant pinecone clickhouse "
  .. "database"
local HEROKUS_OWN = { deployhooks = true, scheduler = true, ssl = true } -- besides `heroku-…`
local function keeps_data(service)
  for word in DATABASES:gmatch("%w+") do if service:find(word, 1, true) then return true end end
  return false
end
local apps = list.index_by(list.unique_by(heroku.list_apps(), "id"), "id")
local addons = heroku.list_account_addons()
local users = {}
local function add_user(addon, app)
  users[addon] = users[addon] or {}
  for _, name in ipairs(users[addon]) do if name == app then return end end
  table.insert(users[addon], app)
end
for _, addon in ipairs(addons) do add_user(addon.id, addon.app.name) end
for _, one in ipairs(heroku.list_addon_attachments()) do add_user(one.addon.id, one.app.name) end

return list.map(addons, function(addon)
  local service = addon.addon_service and addon.addon_service.name
  local price, owner = addon.billed_price, apps[addon.app.id]
  local used_by = was_read("list_addon_attachments") and users[addon.id] or nil
  local is_contract = price and price.contract or false
  local cents = not is_contract and price and price.unit == "month" and price.cents or nil
  local word = service or ""
  return {
    name = addon.name, service = service, plan = addon.plan and addon.plan.name,
    owner_app = addon.app.name,
    team = owner and owner.team and owner.team.name, used_by = used_by,
    apps_using = used_by and #used_by, shared = used_by and #used_by > 1, state = addon.state,
    monthly_usd = cents and cents / 100,
    price = cents and "known" or is_contract and "contract" or "unknown",
    database = keeps_data(word),
    only_on_heroku = word:find("^heroku%-") ~= nil or HEROKUS_OWN[word] == true,
    config_vars = addon.config_vars or json.array({}), created_at = addon.created_at, id = addon.id,
  }
end)
