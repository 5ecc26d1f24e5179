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
local at = list.index_by(compared, "app.id")
local apps = list.filter(heroku.list_apps(), function(app) return at[app.id] end)
local pipelines = list.group_by(apps, function(app) return at[app.id].pipeline.id end)
local vars = list.group_by(heroku.list_config_vars({ app_id = heroku.list_apps() }), "app_id")
return list.flatten(list.map(apps, function(app)
  local all = list.map(pipelines[at[app.id].pipeline.id], function(one) return vars[one.name] end)
  local lacks = list.reject(list.flatten(all), { name = list.map(vars[app.name] or {}, "name") })
  return list.map(lacks, function(v) return { app = app.name, name = v.name, other = v.app_id } end)
end))
