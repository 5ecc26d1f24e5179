-- title: Apps without earlier code to roll back to
-- severity: low
-- why: Heroku destroys what was built for releases that are older than 30 days and not among
--   the last 20. If the next deploy goes wrong, the only way back is to build an old commit
--   again. Source: devcenter.heroku.com/changelog-items/3395.
-- do: Make sure that the commit that runs still builds: deploy it to a copy of the app, or
--   deploy the app again from time to time.
-- scope: read
-- key: app
local rows, releases = {}, heroku.list_releases({ app_id = heroku.list_apps(), newest = 20 })
for app, last in pairs(list.group_by(list.sort_by(releases, "version"), "app.name")) do
  local eligible = list.filter(last, "eligible_for_rollback")
  local kept = list.filter(eligible, function(one) return one.artifacts[1] end)
  local builds = list.unique_by(kept, function(one) return one.artifacts[1].id end)
  if #builds == 1 and (#last < 20 or last[1].created_at < time.ago(30)) then
    rows[#rows + 1] = { app = app, version = kept[#kept].version, code_since = kept[1].created_at }
  end
end
return rows
