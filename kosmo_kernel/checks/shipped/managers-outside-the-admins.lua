-- title: People who manage an app without being an admin of its team
-- severity: low
-- why: To manage is to delete the app, to hand it on and to change what it costs: more than most people need.
-- do: heroku access:update EMAIL -a APP --permissions view,deploy,operate
-- scope: global
-- key: app, who
local apps = list.index_by(heroku.list_apps(), "name")
local people = heroku.list_team_members({ team = heroku.list_teams() })
local others = list.reject(people, { role = { "admin", "owner" } })
local member_of = list.index_by(others, function(one) return one.team .. " " .. one.email end)
local seats = list.filter(heroku.list_collaborators({ app_id = heroku.list_apps() }), "permissions")
local managers = list.filter(seats, function(seat)
  local team, who = apps[seat.app.name].team, seat.user.email
  return team and member_of[team.name .. " " .. who] and list.find(seat.permissions, { name = "manage" })
end)
return list.map(managers, function(seat) return { app = seat.app.name, who = seat.user.email } end)
