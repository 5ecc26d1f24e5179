-- title: Members of teams with an address elsewhere
-- severity: medium
-- why: Members see every app of the team, and admins can delete them. An agency or a freelancer
--   needs access to single apps, which takes no membership.
-- do: `heroku members:remove EMAIL -t TEAM`, then `heroku access:add EMAIL -a APP -p view,deploy`
-- scope: global
-- key: team, email
-- param: our_domains = {} | the mail domains that are ours; without one, that of the account
local ours = our_domains[1] and our_domains or { heroku.get_current_user().email }
local members = heroku.list_team_members({ team = heroku.list_teams() })
local outsiders = list.reject(list.reject(members, { role = "collaborator" }), function(one)
  local domain = one.email:lower():match("[^@]*$")
  return list.find(ours, function(our) return our:lower():match("[^@]*$") == domain end)
end)
return list.map(outsiders, function(one)
  return { team = one.team, email = one.email, role = one.role }
end)
