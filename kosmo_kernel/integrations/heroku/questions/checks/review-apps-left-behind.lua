-- title: Review apps left behind
-- severity: medium
-- why: The pull request is done or forgotten, and its app goes on with dynos and add-ons of its
--   own.
-- do: Close the pull request, or `heroku apps:destroy APP`. The settings of the pipeline can
--   destroy stale review apps on their own.
-- scope: read
-- key: pipeline, branch
-- param: days = 14 | a review app older than so many days
local apps = list.index_by(heroku.list_apps(), "id")
local pipelines = list.index_by(heroku.list_pipelines(), "id")
local reviews = heroku.list_review_apps({ pipeline_id = heroku.list_pipelines() })
local old = list.filter(reviews, function(one) return one.created_at < time.ago(days) end)
return list.map(list.reject(old, { status = "deleted" }), function(one)
  local app, branch, since = one.app and apps[one.app.id], one.branch, one.created_at
  local name, pipeline = app and app.name or "(none)", pipelines[one.pipeline.id].name
  return { app = name, pipeline = pipeline, branch = branch, status = one.status, since = since }
end)
