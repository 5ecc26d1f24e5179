-- title: Dynos that crashed
-- severity: high
-- why: A crashed dyno serves nobody, and Heroku restarts it at ever longer intervals.
-- do: `heroku logs -d DYNO -a APP` says why. Mend the cause, then
--   `heroku ps:restart -d DYNO -a APP`.
-- scope: read
-- key: app, dyno
-- profile: start
local dynos = heroku.list_dynos({ app_id = heroku.list_apps() })
local crashed = list.sort_by(list.filter(dynos, { state = "crashed" }), "updated_at")
return list.map(crashed, function(dyno)
  local row = { app = dyno.app.name, dyno = dyno.name, size = dyno.size, since = dyno.updated_at }
  row.hours = math.floor(time.days_since(dyno.updated_at) * 24)
  row.release = dyno.release and dyno.release.version
  return row
end)
