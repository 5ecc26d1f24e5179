-- title: Apps that still run a rollback
-- severity: medium
-- why: A rollback is for the time until the fix. The main branch has other code than what runs,
--   and add-ons such as databases were not rolled back. Source:
--   devcenter.heroku.com/articles/releases.
-- do: Deploy the mended code: `git push heroku main`, or a promotion in the pipeline.
-- scope: read
-- key: app, version
local releases = heroku.list_releases({ app_id = heroku.list_apps(), newest = 20 })
local back = list.filter(list.filter(releases, "current"), function(one)
  return (one.description or ""):find("^Rollback to v")
end)
return list.map(back, function(one)
  local app, by, since = one.app.name, one.user.email, one.created_at
  return { app = app, version = one.version, release = one.description, by = by, since = since }
end)
