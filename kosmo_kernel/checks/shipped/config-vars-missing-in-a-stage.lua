-- title: Config vars that staging or production lacks
-- severity: medium
-- why: A name that one stage has and the other lacks was often forgotten, and breaks the app
--   after the next promotion: it copies the code, not the config vars. Values are not looked
--   at.
-- do: heroku config:set NAME=VALUE -a APP, or heroku config:unset NAME -a OTHER if nothing
--   needs it any more.
-- scope: read-protected
-- key: app, name, other
-- param: stages = { "staging", "production" } | the stages that are compared
local compared = list.filter(heroku.list_pipeline_couplings(), { stage = stages })
local pipelines, apps = list.group_by(compared, "pipeline.id"), list.index_by(heroku.list_apps(), "id")
local vars = list.group_by(heroku.list_config_vars({ app_id = heroku.list_apps() }), "app_id")
local function vars_of(one) return apps[one.app.id] and vars[apps[one.app.id].name] or {} end
return list.flatten(list.map(list.filter(compared, function(one) return apps[one.app.id] end), function(one)
  local others = list.reject(pipelines[one.pipeline.id], { stage = one.stage })
  local app, all = apps[one.app.id].name, list.flatten(list.map(others, vars_of))
  local lacks = list.reject(all, { name = list.map(vars_of(one), "name") })
  return list.map(lacks, function(v) return { app = app, name = v.name, other = v.app_id } end)
end))
