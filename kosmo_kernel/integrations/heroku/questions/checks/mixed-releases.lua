-- title: Apps whose dynos run two releases
-- severity: medium
-- why: Some users get the old version and some the new one: a deploy that is stuck.
-- do: `heroku ps -a APP`, then `heroku ps:restart -a APP`.
-- scope: read
-- key: app
-- param: hours = 0.25 | for so long after the last change of a dyno, a deploy may be under way
local dynos = heroku.list_dynos({ app_id = heroku.list_apps() })
local rows, regular = {}, list.reject(dynos, { type = { "run", "scheduler", "release" } })
for app, group in pairs(list.group_by(list.filter(regular, "release"), "app.name")) do
  local by_release = list.sort_by(group, "release.version")
  local old, new = by_release[1].release.version, by_release[#group].release.version
  local last = list.sort_by(group, "updated_at")[#group].updated_at
  local is_stuck = old ~= new and last < time.ago(hours / 24)
  rows[#rows + 1] = is_stuck and { app = app, old = old, new = new, last_change = last } or nil
end
return list.sort_by(rows, "app")
