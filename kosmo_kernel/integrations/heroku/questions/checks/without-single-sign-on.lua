-- title: Our people who sign in without single sign-on
-- severity: low
-- why: They sign in with a password of Heroku's, past our directory. Where nobody of us uses single sign-on, this
--   finds nothing.
-- do: Invite them again through single sign-on, and remove the old account from the team.
-- scope: read
-- key: who
-- param: our_domains = {} | the mail domains that are ours; without one, that of the account
local ours = our_domains[1] and our_domains or { heroku.get_current_user().email }
local seats, rows = heroku.list_collaborators({ app_id = heroku.list_apps() }), {}
local our_seats = list.filter(seats, function(seat)
  local domain = seat.user.email:lower():match("[^@]*$")
  return list.find(ours, function(one) return one:lower():match("[^@]*$") == domain end)
end)
for who, group in pairs(list.group_by(list.reject(our_seats, "user.federated"), "user.email")) do
  rows[#rows + 1] = { who = who, apps = list.join(group, ", ", "app.name") }
end
return list.find(our_seats, "user.federated") and list.sort_by(rows, "who") or {}
