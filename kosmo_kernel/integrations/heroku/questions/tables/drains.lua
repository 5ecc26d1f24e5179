-- title: Log and telemetry drains
-- about: Where logs and telemetry go. Addresses are secrets, so only the host is here.
-- needs: list_log_drains, list_telemetry_drains
-- key: id
-- columns: owner, owner_kind, kind, host, addon, exporter, signals, created_at, id
-- page: owner, kind, host, addon
-- order: owner, kind, host
local function on_fir(item) return not item.generation or item.generation.name == "fir" end
local apps, spaces, rows, names = heroku.list_apps(), heroku.list_spaces(), {}, {}
for _, owner in ipairs(apps) do names[owner.id] = owner.name end
for _, owner in ipairs(spaces) do names[owner.id] = owner.name end
for _, drain in ipairs(heroku.list_log_drains({ app_id = apps })) do
  rows[#rows + 1] = {
    owner = drain.app and names[drain.app.id] or drain.app_id, owner_kind = "app", kind = "log",
    host = drain.host,
    addon = drain.addon and drain.addon.name, signals = json.array({ "logs" }),
    created_at = drain.created_at,
    id = drain.id,
  }
end
local seen = {}
local function add_telemetry(drains)
  for _, drain in ipairs(drains) do
    local owner, exporter = drain.owner, drain.exporter or {}
    if not seen[drain.id] then rows[#rows + 1] = {
      owner = names[owner.id] or owner.id, owner_kind = owner.type, kind = "telemetry",
      host = exporter.host,
      exporter = exporter.type, signals = drain.signals or json.array({}),
      created_at = drain.created_at,
      id = drain.id,
    } end
    seen[drain.id] = true
  end
end
add_telemetry(heroku.list_telemetry_drains({ app_id = list.filter(apps, on_fir) }))
add_telemetry(heroku.list_telemetry_drains({ space = list.filter(spaces, on_fir) }))
return rows
