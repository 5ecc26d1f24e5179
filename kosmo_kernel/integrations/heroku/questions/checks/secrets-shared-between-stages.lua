-- title: Secrets that two stages share
-- severity: high
-- why: A config var with a name like that of a secret has the same value in two stages: who can
--   read the config of the less guarded app has the secret of the other one, mostly production.
--   Keyed fingerprints are compared, never values.
-- do: Give the app of the earlier stage a secret of its own: `heroku config:set NAME=VALUE -a APP`
-- scope: read-protected
-- key: app, name
-- param: words = "SECRET|TOKEN|KEY|PASS|CREDENTIAL" | a pattern of names of secrets
local at = list.index_by(heroku.tables.stages(), "app")
local function stage(var) return var.fingerprint and (at[var.app_id] or {}).stage end
local function is_secret(var) return stage(var) and regex.match(var.name, words) end
local secrets = list.filter(heroku.list_config_vars({ app_id = heroku.list_apps() }), is_secret)
local same = list.group_by(secrets, "fingerprint")
local function is_shared(var) return #list.unique_by(same[var.fingerprint], stage) > 1 end
return list.map(list.filter(secrets, is_shared), function(var)
  return { app = var.app_id, name = var.name, stage = stage(var), fingerprint = var.fingerprint }
end)
