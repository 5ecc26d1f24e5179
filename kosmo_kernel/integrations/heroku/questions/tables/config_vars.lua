-- title: Config vars
-- about: The names of config vars. Values are not in this inventory; equal fingerprints mean equal values.
-- needs: list_config_vars
-- key: app, name
-- columns: app, name, from_addon, fingerprint
-- page: app, name, from_addon
-- order: app, name

-- Heroku lists the names that an add-on sets on its own app; on others they begin with the attachment's.
local sources = {}
for _, one in ipairs(heroku.list_addon_attachments()) do
  local key = one.app.name .. " " .. one.name .. "_URL"
  sources[key] = sources[key] or one.addon.name
end
for _, addon in ipairs(heroku.list_account_addons()) do
  local app = addon.app.name
  for _, name in ipairs(addon.config_vars or {}) do sources[app .. " " .. name] = addon.name end
end
return list.map(heroku.list_config_vars({ app_id = heroku.list_apps() }), function(var)
  local source = sources[var.app_id .. " " .. var.name]
  return { app = var.app_id, name = var.name, from_addon = source, fingerprint = var.fingerprint }
end)
