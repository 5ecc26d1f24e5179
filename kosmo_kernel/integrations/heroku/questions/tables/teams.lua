-- title: Teams
-- about: The teams that the account is in.
-- needs: list_teams
-- key: id
-- columns: name, type, enterprise_account, identity_provider, apps, members, invitations, own_role, id
-- page: name, type, enterprise_account, apps, members, invitations, own_role
-- order: name
local teams = heroku.list_teams()
local apps = list.count_by(list.filter(heroku.list_apps(), "team"), "team.name")
local members = list.count_by(heroku.list_team_members({ team = teams }), "team")
local invitations = list.count_by(heroku.list_team_invitations({ team = teams }), "team.name")
return list.map(teams, function(team)
  local function count(name, counts)
    return was_read(name, team.name) and (counts[team.name] or 0) or nil
  end
  return {
    name = team.name, type = team.type,
    enterprise_account = team.enterprise_account and team.enterprise_account.name,
    identity_provider = team.identity_provider and team.identity_provider.name,
    apps = was_read("list_apps") and (apps[team.name] or 0) or nil,
    members = count("list_team_members", members),
    invitations = count("list_team_invitations", invitations),
    own_role = team.role, id = team.id,
  }
end)
