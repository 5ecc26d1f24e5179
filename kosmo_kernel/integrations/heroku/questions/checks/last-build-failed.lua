-- title: Apps whose last build failed
-- severity: medium
-- why: What somebody wanted to deploy does not run: the app goes on with what was built before.
--   The next deploy may fail in the same way.
-- do: The tab "Activity" of the app in the dashboard has the log of the build (or
--   `heroku builds:output -a APP`, with the plugin heroku-builds). Mend it and deploy again.
-- scope: read
-- key: app, build
local builds = heroku.list_builds({ app_id = heroku.list_apps(), newest = 1 })
return list.map(list.filter(builds, { status = "failed" }), function(one)
  local commit, by = one.source_blob.version, one.user.email
  return { app = one.app_id, build = one.id, commit = commit, by = by, since = one.created_at }
end)
