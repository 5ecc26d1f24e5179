-- title: Apps on another stack than production in their pipeline
-- severity: medium
-- why: What is tested on one operating system runs on another one in production. A slug runs on
--   the stack that it was built on, so the next promotion may surprise.
-- do: `heroku stack:set STACK -a APP`, then deploy.
-- scope: read
-- key: app, stack
local at = list.index_by(heroku.list_pipeline_couplings(), "app.id")
local apps = list.filter(heroku.list_apps(), function(app) return at[app.id] end)
local pipelines = list.group_by(apps, function(app) return at[app.id].pipeline.id end)
local function is_live(app) return at[app.id].stage == "production" end
local others = list.filter(apps, function(app)
  local live = list.find(pipelines[at[app.id].pipeline.id], is_live)
  return live and live.stack.name ~= app.stack.name
end)
return list.map(others, function(app) return { app = app.name, stack = app.stack.name } end)
