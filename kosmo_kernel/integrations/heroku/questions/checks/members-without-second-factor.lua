-- title: People in teams, but for admins, without a second factor
-- severity: low
-- why: Whoever has the password can do what the person may do: deploy and see config vars,
--   mostly. Accounts that sign in through your own directory are left out, and admins have a
--   check of their own.
-- do: Ask them to enable it: Account settings > Multi-Factor Authentication.
-- scope: global
-- key: team, email
local members = heroku.list_team_members({ team = heroku.list_teams() })
local open = list.filter(members, { two_factor_authentication = false, federated = false })
return list.map(list.reject(open, { role = { "admin", "owner" } }), function(one)
  return { team = one.team, email = one.email, role = one.role }
end)
