-- outsiders have another domain than ours; teams are at herokumanager.com
local apps = heroku.list_apps()
local ours = heroku.get_current_user().email:match("@(.*)")
local found = {}

for _, seat in ipairs(heroku.list_collaborators({ app_id = apps })) do
  local domain = seat.user.email:match("@(.*)")
  if domain ~= ours and domain ~= "herokumanager.com" then
    table.insert(found, seat)
  end
end

table.sort(found, function(a, b)
  return a.user .. a.app < b.user .. b.app
end)
return found
