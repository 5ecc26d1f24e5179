-- title: Apps that were made or released lately
-- severity: low
-- why: During a freeze nothing may change.
-- do: Ask who did it: `heroku releases -a APP`.
-- scope: read
-- key: app, what
-- param: days: number | what was made or released within so many days is a finding
local since, rows = time.ago(days), {}
for _, app in ipairs(heroku.list_apps()) do
  local made, released = app.created_at > since, app.released_at and app.released_at > since
  local what, at = made and "made" or "released", made and app.created_at or app.released_at
  rows[#rows + 1] = (made or released) and { app = app.name, what = what, at = at } or nil
end
return list.sort_by(rows, "at", "desc")
