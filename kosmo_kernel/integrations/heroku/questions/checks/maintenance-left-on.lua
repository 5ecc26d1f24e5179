-- title: Apps in maintenance
-- severity: medium
-- why: Whoever opens the app sees a page that says it is down. Heroku does not tell since when: the last change of
--   the app, updated_at, is the latest moment at which that may have begun.
-- do: `heroku maintenance:off -a APP`
-- scope: read
-- key: app
-- profile: start
return list.map(list.filter(heroku.list_apps(), "maintenance"), function(app)
  local age, owner = math.floor(time.days_since(app.updated_at)), app.owner and app.owner.email
  return { app = app.name, at_least_since = app.updated_at, days = age, owner = owner }
end)
