-- title: Access to apps
-- about: Who can reach which app and by what: an admin of a team reaches all of its apps, with a seat or without. One
--   row for each app and person. `by` says by what, the strongest of: `owner` (the app is the person's own), `team
--   admin` (an admin of the app's team reaches all of its apps), `team member` (a member of the team with a seat in
--   the app) and `collaborator` (a seat in the app, and no member of its team). `seat` says whether the person is in
--   the app's own list of collaborators. `permissions` are those of the seat; an owner and an admin have all of them.
--   `since` is the time of the seat, or else of the membership. The account that stands for a team where Heroku needs
--   an owner is no person and has no row. A member of a team without a seat in an app has none either, although
--   anybody in the team can join an app that is not locked.
-- needs: list_collaborators
-- key: app, email
-- page: app, email, by, permissions, seat
-- columns: app, team, email, by, permissions, seat, since
local ALL = "view, deploy, operate, manage"
local BY_ROLE = {
  owner = "owner", admin = "team admin", member = "team member", viewer = "team member",
}
local apps = heroku.list_apps()
local members = heroku.list_team_members({ team = heroku.list_teams() })
local admins = list.group_by(list.filter(members, { role = { "admin", "owner" } }), "team")
local roles = {} -- in a team, of an address
for _, member in ipairs(members) do roles[member.team .. " " .. member.email] = member.role end
local seats = list.group_by(heroku.list_collaborators({ app_id = apps }), "app_id")
local function is_person(email) return not email:lower():find("@herokumanager%.com$") end

-- Return the way in which a person with a seat reaches an app, as the row has it.
local function way_of(seat, team)
  local names, may = list.join(seat.permissions or {}, ", ", "name"), nil
  if names ~= "" then may = names end
  local in_team = team and roles[team .. " " .. seat.user.email]
  local by = BY_ROLE[seat.role] or BY_ROLE[in_team] or "collaborator"
  if by == "owner" or by == "team admin" then may = ALL end
  return { by = by, permissions = may, seat = true, since = seat.created_at }
end

local rows = {}
for _, app in ipairs(list.sort_by(apps, "name")) do
  local team = app.team and app.team.name
  local ways = {}
  for _, seat in ipairs(seats[app.name] or {}) do ways[seat.user.email] = way_of(seat, team) end
  for _, admin in ipairs(team and admins[team] or {}) do
    local way = ways[admin.email] or { seat = false, since = admin.created_at }
    if way.by ~= "owner" then way.by = "team admin" end
    way.permissions, ways[admin.email] = ALL, way
  end
  local owner = app.owner and app.owner.email
  local own = owner and ways[owner] or { seat = false, since = app.created_at }
  if owner then own.by, own.permissions, ways[owner] = "owner", ALL, own end
  for email, way in pairs(ways) do
    if is_person(email) then
      rows[#rows + 1] = {
        app = app.name, team = team, email = email,
        by = way.by, permissions = way.permissions, seat = way.seat, since = way.since,
      }
    end
  end
end
table.sort(rows, function(a, b) return a.app < b.app or a.app == b.app and a.email < b.email end)
return rows
