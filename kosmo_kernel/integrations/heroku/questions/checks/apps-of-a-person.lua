-- title: Apps that belong to a person
-- severity: medium
-- why: Nobody but its owner can hand such an app on, delete it or rename it, and the owner is billed for it.
-- do: `heroku apps:transfer TEAM -a APP`, before the owner leaves.
-- scope: read
-- key: app, owner
return list.map(list.reject(heroku.list_apps(), "team"), function(app)
  return { app = app.name, owner = app.owner and app.owner.email, released_at = app.released_at }
end)
