-- title: Access to Private Spaces
-- about: Who may do what in each Private Space.
-- needs: list_space_members
-- key: space, email
-- columns: space, email, permissions, created_at, id
-- page: space, email, permissions
-- order: space, email
return list.map(heroku.list_space_members({ space = heroku.list_spaces() }), function(member)
  local permissions = {}
  for _, one in ipairs(member.permissions or {}) do permissions[#permissions + 1] = one.name end
  return {
    space = member.space.name, email = member.user.email, permissions = json.array(permissions),
    created_at = member.created_at, id = member.id,
  }
end)
