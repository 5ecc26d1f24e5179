-- title: People
-- about: Everybody who may do something, once, with their teams and the number of apps that they can reach.
--   `apps_at_least` says that somebody may reach more, because a list could not be read.
-- needs: list_collaborators, list_team_members, list_space_members, list_enterprise_account_members
-- key: email
-- columns: email, name, teams, apps, apps_managed, apps_at_least, apps_owned, seats, spaces, enterprise_accounts,
--   two_factor, single_sign_on
-- page: email, name, teams, apps, apps_managed, seats, two_factor, single_sign_on
-- order: email
local apps, teams, people, rows = heroku.list_apps(), heroku.list_teams(), {}, {}
local reachable = list.index_by(list.unique_by(apps, "id"), "id")
local function is_hidden(app) return not reachable[app.id] end
local hidden = list.find(heroku.list_team_apps({ team = teams }), is_hidden)
local function person(email)
  people[email] = people[email]
    or { teams = {}, spaces = {}, enterprise = {}, apps = 0, managed = 0, owned = 0, seats = 0 }
  return people[email]
end
local function add(names, name)
  for _, known in ipairs(names) do if known == name then return end end
  names[#names + 1] = name
end
local function or_else(value, other) if value == nil then return other end return value end
-- Return the names of a person's groups; nil where there are none and the groups or their members could not be read.
local function known(names, group)
  local is_read = was_read("list_" .. group .. "s") and was_read("list_" .. group .. "_members")
  return (names[1] or is_read) and json.array(names) or nil
end
for _, member in ipairs(heroku.list_team_members({ team = teams })) do
  local one = person(member.email)
  add(one.teams, string.format("%s (%s)", member.team, member.role or "no role"))
  one.name = member.user and member.user.name or one.name
  one.two_factor, one.sso = member.two_factor_authentication, member.federated
end
local knows_teams = was_read("list_teams") and was_read("list_team_members")
local enterprises = heroku.list_enterprise_accounts()
for _, member in ipairs(heroku.list_enterprise_account_members({ enterprise = enterprises })) do
  local one = person(member.user.email)
  add(one.enterprise, member.enterprise_account.name)
  if knows_teams then one.two_factor = or_else(one.two_factor, member.two_factor_authentication) end
end
local seats = heroku.list_collaborators({ app_id = apps })
for _, seat in ipairs(seats) do
  local one = person(seat.user.email)
  one.sso = or_else(one.sso, seat.user.federated)
end
for _, member in ipairs(heroku.list_space_members({ space = heroku.list_spaces() })) do
  add(person(member.user.email).spaces, member.space.name)
end
for _, way in ipairs(heroku.tables.access()) do
  local one = person(way.email)
  local manages = way.permissions and way.permissions:find("manage", 1, true)
  one.apps, one.managed = one.apps + 1, one.managed + (manages and 1 or 0)
  one.owned = one.owned + (way.by == "owner" and 1 or 0)
  one.seats = one.seats + (way.seat and 1 or 0)
end
local knows_apps = was_read("list_apps") and (#seats > 0 or was_read("list_collaborators"))
local is_whole = not hidden and knows_teams and was_read("list_collaborators")
local at_least = (knows_apps and { not is_whole } or {})[1] -- nil where the number is
for email, one in pairs(people) do
  rows[#rows + 1] = not email:lower():find("@herokumanager%.com$") and {
    email = email, name = one.name, teams = known(one.teams, "team"),
    apps = knows_apps and one.apps or nil, apps_managed = knows_apps and one.managed or nil,
    apps_owned = was_read("list_apps") and one.owned or nil,
    seats = knows_apps and one.seats or nil, spaces = known(one.spaces, "space"),
    two_factor = one.two_factor, single_sign_on = one.sso,
    enterprise_accounts = known(one.enterprise, "enterprise_account"), apps_at_least = at_least,
  } or nil
end
return rows
