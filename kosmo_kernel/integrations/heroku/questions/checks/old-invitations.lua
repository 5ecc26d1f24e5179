-- title: Invitations that nobody took
-- severity: low
-- why: Whoever reads the mail of that address can still join the team. An old invitation is
--   often a typing error, or one to somebody who did not come.
-- do: Revoke it in the tab "Access" of the team in the dashboard, or send it again.
-- scope: global
-- key: team, email
-- param: days = 30 | an invitation older than so many days
local invitations = heroku.list_team_invitations({ team = heroku.list_teams() })
local old = list.filter(invitations, function(one) return one.created_at < time.ago(days) end)
return list.map(old, function(one)
  local by, since = one.invited_by.email, one.created_at
  return { team = one.team.name, email = one.user.email, role = one.role, by = by, since = since }
end)
