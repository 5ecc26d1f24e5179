-- title: Teams that Heroku is going to suspend
-- severity: high
-- why: A bill of the team is not paid. On the day of the suspension Heroku stops all its apps,
--   and later it deletes them.
-- do: Pay it, or change the card: tab "Billing" of the team in the dashboard.
-- scope: read
-- key: team
-- profile: start
local teams = heroku.get_team_delinquency({ team = heroku.list_teams() })
return list.map(list.filter(teams, "scheduled_suspension_time"), function(one)
  local suspension, deletion = one.scheduled_suspension_time, one.scheduled_deletion_time
  return { team = one.team, suspended_on = suspension, deleted_on = deletion }
end)
