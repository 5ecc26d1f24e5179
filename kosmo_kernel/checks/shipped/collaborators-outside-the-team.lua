-- title: Collaborators who are no members of the team
-- severity: medium
-- why: They reach an app of the team and are not in it, so the list of its members does not
--   have them, and nobody thinks of them when the work is done.
-- do: heroku access:remove EMAIL -a APP, or heroku members:add EMAIL -r member -t TEAM
-- scope: global
-- key: app, email
local people = heroku.list_team_members({ team = heroku.list_teams() })
local members = list.group_by(list.reject(people, { role = "collaborator" }), "team")
local apps = list.index_by(heroku.list_apps(), "name")
local seats = heroku.list_collaborators({ app_id = heroku.list_apps() })
local outside = list.filter(seats, function(one)
  local team, who = apps[one.app.name].team, one.user.email
  local inside = team and who ~= team.name .. "@herokumanager.com" and members[team.name]
  return inside and one.role ~= "owner" and not list.find(inside, { email = who })
end)
return list.map(outside, function(one) return { app = one.app.name, email = one.user.email } end)
