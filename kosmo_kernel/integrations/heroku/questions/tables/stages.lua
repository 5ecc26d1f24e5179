-- title: The stage of each app
-- about: One row for each app. `stage` is that of the app's pipeline, and `by` is `pipeline`. Of an app in no pipeline
--   it is guessed from a word in its name, and `by` is `name`: production, prod or live; staging or stage; dev or
--   development; test, qa or ci; review or pr. Where neither says anything, `stage` and `by` are null.
-- needs: list_apps
-- key: app
-- columns: app, team, pipeline, stage, by
local words = {
  review = "review", pr = "review", test = "test", qa = "test", ci = "test", dev = "development",
  development = "development", staging = "staging", stage = "staging",
  production = "production", prod = "production", live = "production",
}
local order = { "review", "test", "development", "staging", "production" }

-- Of several words the earliest stage counts, so that `shop-production-test` is no production.
local function stage_in(name)
  local has = {}
  for word in name:gmatch("[^-]+") do has[words[word] or ""] = true end
  return list.find(order, function(stage) return has[stage] end)
end

local pipelines = list.index_by(list.unique_by(heroku.list_pipelines(), "id"), "id")
local couplings = list.unique_by(heroku.list_pipeline_couplings(), "app.id")
local coupling_of = list.index_by(couplings, "app.id")
local apps = list.unique_by(heroku.list_apps(), "name")
return list.map(list.sort_by(apps, "name"), function(app)
  local coupling = coupling_of[app.id]
  local pipeline = coupling and pipelines[coupling.pipeline.id]
  local is_known = was_read("list_pipeline_couplings")
  local guess = not coupling and is_known and stage_in(app.name) or nil
  return {
    app = app.name,
    team = app.team and app.team.name,
    pipeline = coupling and (pipeline and pipeline.name or coupling.pipeline.id),
    stage = coupling and coupling.stage or guess,
    by = coupling and "pipeline" or guess and "name",
  }
end)
