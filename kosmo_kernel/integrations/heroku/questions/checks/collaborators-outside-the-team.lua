-- title: Our people with a seat in an app of a team that they are not in
-- severity: medium
-- why: They reach an app of the team and are not in it, so the list of its members does not
--   have them, and nobody thinks of them when the work is done. People with an address elsewhere
--   are in `outside-collaborators`.
-- do: `heroku access:remove EMAIL -a APP`, or `heroku members:add EMAIL -r member -t TEAM`
-- scope: global
-- key: app, email
-- param: our_domains = {} | the mail domains that are ours; without one, that of the account
local ours = our_domains[1] and our_domains or { heroku.get_current_user().email }
local function domain_of(address) return address:lower():match("[^@]*$") end
local members = heroku.list_team_members({ team = heroku.list_teams() })
local people = list.reject(members, { role = "collaborator" })
local inside = list.count_by(people, function(one) return one.team .. " " .. one.email end)
local others = list.filter(heroku.tables.access(), function(one)
  local is_ours = list.find(ours, function(our) return domain_of(our) == domain_of(one.email) end)
  return one.team and is_ours and one.by ~= "owner" and not inside[one.team .. " " .. one.email]
end)
return list.map(others, function(one) return { app = one.app, email = one.email, by = one.by } end)
