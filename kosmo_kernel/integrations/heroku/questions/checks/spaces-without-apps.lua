-- title: Private Spaces without apps
-- severity: low
-- why: A Private Space is billed whether apps run in it or not. Apps that this account may not
--   see count as none.
-- do: `heroku spaces:destroy --space SPACE`
-- scope: read
-- key: space
local used = list.count_by(list.filter(heroku.list_apps(), "space"), "space.name")
local empty = list.reject(heroku.list_spaces(), function(space) return used[space.name] end)
return list.map(empty, function(space)
  local region, team = space.region.name, space.team.name
  return { space = space.name, team = team, region = region, since = space.created_at }
end)
