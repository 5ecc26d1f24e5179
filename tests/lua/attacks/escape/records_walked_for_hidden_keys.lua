-- expect: value {"string": true}
local kinds = {}
local function walk(value)
  if type(value) ~= "table" or value == json.null then return end
  for key, field in next, value do
    if type(key) ~= "number" then kinds[type(key)] = true end
    walk(field)
  end
end
local apps = app.integrations.heroku.list_apps({})
local _ = apps[1].name
walk(apps)
return kinds
