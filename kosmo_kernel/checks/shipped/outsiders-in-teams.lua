-- title: Members of teams with an address elsewhere
-- severity: medium
-- why: Members see every app of the team, and admins can delete them. An agency or a freelancer
--   needs access to single apps, which takes no membership.
-- do: heroku members:remove EMAIL -t TEAM, then heroku access:add EMAIL -a APP -p view,deploy
-- scope: global
-- key: team, email
-- param: our_domains = {} | the domains of our addresses; without any, that of the account itself
local own = heroku.get_current_user().email:match("@(.+)$")
local domains = #our_domains > 0 and our_domains or { own }
local members = heroku.list_team_members({ team = heroku.list_teams() })
local outsiders = list.reject(list.reject(members, { role = "collaborator" }), function(one)
  return list.find(domains, function(domain) return one.email:match("@(.+)$") == domain end)
end)
return list.map(outsiders, function(one)
  return { team = one.team, email = one.email, role = one.role }
end)
