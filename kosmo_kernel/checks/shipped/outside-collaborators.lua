-- title: People from outside
-- severity: medium
-- why: Somebody whose address is at none of our mail domains can reach the app.
-- do: heroku access:remove EMAIL -a APP, unless somebody knows why the person is there.
-- scope: read
-- key: app, who
-- param: our_domains = {} | the mail domains that are ours; without one, that of the account
local ours = our_domains[1] and our_domains or { heroku.get_current_user().email }
local seats = heroku.list_collaborators({ app_id = heroku.list_apps() })
local outside = list.reject(seats, function(seat)
  local domain = seat.user.email:lower():match("[^@]*$")
  local is_ours = list.find(ours, function(one) return one:lower():match("[^@]*$") == domain end)
  return is_ours or domain == "herokumanager.com"
end)
return list.map(list.sort_by(outside, "user.email"), function(seat)
  return { app = seat.app.name, who = seat.user.email, role = seat.role, since = seat.created_at }
end)
