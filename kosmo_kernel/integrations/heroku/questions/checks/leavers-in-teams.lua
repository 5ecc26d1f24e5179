-- title: People who left and are still in a team
-- severity: high
-- why: Whoever left can still sign in: a member sees every app of the team, an admin can delete
--   them. The list of a team has everybody who has access to one of its apps.
-- do: `heroku members:remove EMAIL -t TEAM`
-- scope: global
-- key: team, email
-- param: leavers: list | the addresses of the people who have left
local gone = list.count_by(list.map(leavers, string.lower))
local people = heroku.list_team_members({ team = heroku.list_teams() })
local still = list.filter(people, function(one) return gone[one.email:lower()] end)
return list.map(still, function(one)
  return { team = one.team, email = one.email, role = one.role }
end)
