-- heroku-20 lost its support in April 2025; heroku-22 will in April 2027
local leaving = { ["heroku-20"] = true, ["heroku-22"] = true }
local found = {}

for _, item in ipairs(heroku.list_apps()) do
  if leaving[item.stack.name] then
    table.insert(found, item)
  end
end

table.sort(found, function(a, b)
  return a.stack .. a.name < b.stack .. b.name
end)
return found
