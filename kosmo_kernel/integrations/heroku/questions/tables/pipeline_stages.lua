-- title: Pipeline stages
-- about: The app in each stage of each pipeline.
-- needs: list_pipeline_couplings
-- key: id
-- columns: pipeline, stage, app, created_at, id
-- page: pipeline, stage, app
-- order: pipeline, stage, app
local names = {}
for _, one in ipairs(heroku.list_pipelines()) do names[one.id] = one.name end
for _, one in ipairs(heroku.list_apps()) do names[one.id] = one.name end
return list.map(heroku.list_pipeline_couplings(), function(coupling)
  local pipeline, app = coupling.pipeline.id, coupling.app.id
  return {
    pipeline = names[pipeline] or pipeline, stage = coupling.stage, app = names[app] or app,
    created_at = coupling.created_at, id = coupling.id,
  }
end)
