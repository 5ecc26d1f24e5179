-- title: Our people who sign in without single sign-on
-- severity: low
-- why: They sign in with a password of Heroku's, past our directory. Where nobody of us uses single sign-on, this
--   finds nothing.
-- do: Invite them again through single sign-on, and remove the old account from the team.
-- scope: global
-- key: who
-- param: our_domains = {} | the mail domains that are ours; without one, that of the account
local ours = our_domains[1] and our_domains or { heroku.get_current_user().email }
local function domain_of(address) return address:lower():match("[^@]*$") end
local our_people = list.filter(heroku.tables.people(), function(one)
  return list.find(ours, function(our) return domain_of(our) == domain_of(one.email) end)
end)
local with_password = list.filter(our_people, { single_sign_on = false })
return list.find(our_people, { single_sign_on = true }) and list.map(with_password, function(one)
  return { who = one.email, teams = table.concat(one.teams, ", "), apps = one.apps }
end) or {}
