-- title: Apps whose newest release failed
-- severity: high
-- why: The release phase ended with an error, mostly in a migration, and Heroku did not start
--   the release: the one before runs on. What the phase had done until then is done. Source:
--   devcenter.heroku.com/articles/release-phase.
-- do: `heroku releases:output vVERSION -a APP` shows why. Mend it and deploy again.
-- scope: read
-- key: app, version
-- profile: start
local releases = heroku.list_releases({ app_id = heroku.list_apps(), newest = 20 })
local newest = list.unique_by(list.sort_by(releases, "version", "desc"), "app.name")
return list.map(list.filter(newest, { status = "failed" }), function(one)
  local app, by, since = one.app.name, one.user.email, one.created_at
  return { app = app, version = one.version, release = one.description, by = by, since = since }
end)
