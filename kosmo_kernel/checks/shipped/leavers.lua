-- title: People who have left and still have access
-- severity: high
-- why: Somebody who is no longer with us can reach the app.
-- do: heroku access:remove EMAIL -a APP
-- scope: read
-- key: app, who
-- param: leavers = {} | the addresses of the people who have left
local seats = heroku.list_collaborators({ app_id = heroku.list_apps() })
local left = list.filter(seats, function(seat)
  return list.find(leavers, function(who) return who:lower() == seat.user.email:lower() end)
end)
return list.map(left, function(seat)
  local names = list.join(seat.permissions or {}, ", ", "name")
  local may = names ~= "" and names or seat.role or "collaborator"
  return { app = seat.app.name, who = seat.user.email, may = may, since = seat.created_at }
end)
