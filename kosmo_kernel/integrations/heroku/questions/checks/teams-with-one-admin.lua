-- title: Teams with a single admin
-- severity: medium
-- why: If this one person is ill or leaves, nobody can add members, pay bills or take over apps
--   without Heroku's support.
-- do: `heroku members:set EMAIL -r admin -t TEAM`
-- scope: global
-- key: team
local members = heroku.list_team_members({ team = heroku.list_teams() })
local admins = list.filter(members, { role = { "admin", "owner" } })
local counts = list.count_by(admins, "team")
local alone = list.filter(admins, function(one) return counts[one.team] == 1 end)
return list.map(alone, function(one) return { team = one.team, email = one.email } end)
