-- title: People who manage an app without being an admin of its team
-- severity: low
-- why: To manage is to delete the app, to hand it on and to change what it costs: more than most people need.
-- do: `heroku access:update EMAIL -a APP --permissions view,deploy,operate`
-- scope: global
-- key: app, who
local seats = list.filter(heroku.tables.access(), { by = { "team member", "collaborator" } })
local managers = list.filter(seats, function(one)
  return one.team and one.permissions and one.permissions:find("manage", 1, true)
end)
return list.map(managers, function(one) return { app = one.app, who = one.email } end)
