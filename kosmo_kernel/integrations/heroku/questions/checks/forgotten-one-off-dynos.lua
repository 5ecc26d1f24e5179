-- title: One-off dynos that were forgotten
-- severity: low
-- why: A console that somebody left open, or a job that hangs, costs like any other dyno.
-- do: `heroku ps:stop --dyno-name DYNO -a APP`
-- scope: read
-- key: app, dyno
-- param: hours = 24 | a one-off dyno that runs for longer counts as forgotten
local dynos = heroku.list_dynos({ app_id = heroku.list_apps() })
local forgotten = list.filter(dynos, function(dyno)
  return (dyno.type == "run" or dyno.type == "scheduler") and dyno.created_at < time.ago(hours / 24)
end)
return list.map(list.sort_by(forgotten, "created_at"), function(dyno)
  local age = math.floor(time.days_since(dyno.created_at))
  return { app = dyno.app.name, dyno = dyno.name, command = dyno.command,
    since = dyno.created_at, days = age }
end)
