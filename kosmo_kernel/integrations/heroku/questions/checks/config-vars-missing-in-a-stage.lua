-- title: Config vars that staging or production lacks
-- severity: medium
-- why: A name that one stage has and the other lacks was often forgotten, and breaks the app
--   after the next promotion: it copies the code, not the config vars. Values are not looked
--   at.
-- do: `heroku config:set NAME=VALUE -a APP`, or `heroku config:unset NAME -a OTHER` if nothing
--   needs it any more.
-- scope: read-protected
-- key: app, name, other
-- param: stages = { "staging", "production" } | the stages that are compared
local at = list.filter(heroku.tables.stages(), { by = "pipeline", stage = stages })
local pipelines, apps = list.group_by(at, "pipeline"), heroku.list_apps()
local vars = list.group_by(heroku.list_config_vars({ app_id = apps }), "app_id")
return list.flatten(list.map(at, function(one)
  return list.flatten(list.map(list.reject(pipelines[one.pipeline], { stage = one.stage }), function(from)
    local own = list.map(vars[one.app] or {}, "name")
    return list.map(list.reject(vars[from.app] or {}, { name = own }), function(var)
      return { app = one.app, stage = one.stage, name = var.name, other = from.app, other_stage = from.stage }
    end) end))
end))
