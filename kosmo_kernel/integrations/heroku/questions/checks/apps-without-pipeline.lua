-- title: Apps in no pipeline
-- severity: low
-- why: In a pipeline, production gets what was tested in staging, without another build, and
--   everybody sees which app is production. The checks of stages cannot say anything about an
--   app in none. Source: devcenter.heroku.com/articles/pipelines.
-- do: `heroku pipelines:add PIPELINE -a APP -s production`
-- scope: read
-- key: app
local placed = list.index_by(heroku.list_pipeline_couplings(), "app.id")
local apart = list.reject(heroku.list_apps(), function(app) return placed[app.id] end)
return list.map(apart, function(app)
  return { app = app.name, team = app.team and app.team.name, released_at = app.released_at }
end)
