-- title: People from outside
-- severity: medium
-- why: Somebody whose address is at none of our mail domains can reach the app.
-- do: `heroku access:remove EMAIL -a APP`, unless somebody knows why the person is there.
-- scope: global
-- key: app, who
-- param: our_domains = {} | the mail domains that are ours; without one, that of the account
local ours = our_domains[1] and our_domains or { heroku.get_current_user().email }
local function domain_of(address) return address:lower():match("[^@]*$") end
local outside = list.reject(heroku.tables.access(), function(one)
  return list.find(ours, function(our) return domain_of(our) == domain_of(one.email) end)
end)
return list.map(list.sort_by(outside, "email"), function(one)
  return { app = one.app, who = one.email, by = one.by, may = one.permissions, since = one.since }
end)
