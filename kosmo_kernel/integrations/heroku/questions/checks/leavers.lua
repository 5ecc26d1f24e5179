-- title: People who have left and still have access
-- severity: high
-- why: Somebody whom you named as having left can reach the app. `by` says by what: a seat in the app, or the team.
-- do: `heroku access:remove EMAIL -a APP`; of a team admin: `heroku members:remove EMAIL -t TEAM`
-- scope: global
-- key: app, who
-- param: leavers: list | the addresses of the people who have left
local gone = list.count_by(list.map(leavers, string.lower))
local still = list.filter(heroku.tables.access(), function(one) return gone[one.email:lower()] end)
return list.map(still, function(one)
  local may = one.permissions or one.by
  return { app = one.app, who = one.email, by = one.by, may = may, since = one.since }
end)
