-- title: Crashed dynos
-- severity: high
-- why: A crashed dyno serves nobody. Heroku restarts it ever more rarely.
-- do: Read its log (heroku logs -d DYNO -a APP), mend the cause, then heroku ps:restart -a APP.
-- scope: read
-- key: app, dyno
local crashed = list.filter(heroku.list_dynos({ app_id = heroku.list_apps() }), { state = "crashed" })
return list.map(crashed, function(dyno)
  return { app = dyno.app.name, dyno = dyno.name, size = dyno.size, since = dyno.updated_at }
end)
