-- title: Review apps
-- about: The apps of open pull requests.
-- needs: list_review_apps
-- key: id
-- columns: pipeline, branch, pull_request, app, status, created_at, id
-- page: pipeline, branch, pull_request, app, status, created_at
-- order: pipeline, created_at
local pipelines, names = heroku.list_pipelines(), {}
for _, one in ipairs(pipelines) do names[one.id] = one.name end
for _, one in ipairs(heroku.list_apps()) do names[one.id] = one.name end
return list.map(heroku.list_review_apps({ pipeline_id = pipelines }), function(review)
  local pipeline, app = review.pipeline and review.pipeline.id, review.app and review.app.id
  return {
    pipeline = names[pipeline or ""] or pipeline, branch = review.branch,
    pull_request = review.pr_number,
    app = names[app or ""] or app, status = review.status, created_at = review.created_at,
    id = review.id,
  }
end)
