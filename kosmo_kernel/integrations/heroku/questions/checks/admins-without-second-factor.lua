-- title: Admins of teams without a second factor
-- severity: high
-- why: Whoever has the password of an admin can change and delete every app of the team.
--   Accounts that sign in through your own directory are left out: its rules count for them.
-- do: Ask them to enable it: Account settings > Multi-Factor Authentication.
-- scope: global
-- key: team, email
local members = heroku.list_team_members({ team = heroku.list_teams() })
local admins = list.filter(members, { role = { "admin", "owner" } })
local open = list.filter(admins, { two_factor_authentication = false, federated = false })
return list.map(open, function(one)
  return { team = one.team, email = one.email, role = one.role }
end)
