-- title: Teams
-- about: The teams that the account is in. `out_of_reach` are the apps of the team that the account has no access to.
-- needs: list_teams
-- key: id
-- columns: name, type, enterprise_account, identity_provider, apps, out_of_reach, members, invitations, own_role,
--   id
-- page: name, type, enterprise_account, apps, members, invitations, own_role
-- order: name
local teams, own = heroku.list_teams(), heroku.list_apps()
local apps, ids = list.count_by(list.filter(own, "team"), "team.name"), list.group_by(own, "id")
local function is_hidden(app) return not ids[app.id] end
local of_teams = heroku.list_team_apps({ team = teams })
local hidden = list.group_by(list.filter(of_teams, is_hidden), "asked_team")
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
    out_of_reach = was_read("list_apps") and was_read("list_team_apps", team.name)
      and json.array(list.map(hidden[team.name] or {}, "name")) or nil,
    members = count("list_team_members", members),
    invitations = count("list_team_invitations", invitations),
    own_role = team.role, id = team.id,
  }
end)
