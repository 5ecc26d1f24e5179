-- title: Private spaces
-- about: Every Private Space, with its network and the number of its apps.
-- needs: list_spaces
-- key: id
-- columns: name, team, region, generation, shield, state, cidr, data_cidr, apps, members, created_at, id
-- page: name, team, region, generation, shield, cidr, apps, members
-- order: name
local spaces = heroku.list_spaces()
local apps = list.count_by(list.filter(heroku.list_apps(), "space"), "space.name")
local members = list.count_by(heroku.list_space_members({ space = spaces }), "space.name")
return list.map(spaces, function(space)
  return {
    name = space.name, team = space.team and space.team.name,
    region = space.region and space.region.name,
    generation = space.generation and space.generation.name, shield = space.shield,
    state = space.state,
    cidr = space.cidr, data_cidr = space.data_cidr,
    apps = was_read("list_apps") and (apps[space.name] or 0) or nil,
    members = was_read("list_space_members", space.name) and (members[space.name] or 0) or nil,
    created_at = space.created_at, id = space.id,
  }
end)
