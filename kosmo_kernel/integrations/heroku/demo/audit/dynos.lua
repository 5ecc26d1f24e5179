-- a list in place of one app asks for the dynos of every app in it
local apps = heroku.list_apps()
local found = {}

for _, dyno in ipairs(heroku.list_dynos({ app_id = apps })) do
  if dyno.state == "crashed" then
    table.insert(found, dyno)
  end
end
return found
