-- expect: value []
local others = {}
for name, value in pairs(app.integrations.heroku) do
  if type(value) ~= "function" or not (name:find("^list_") or name:find("^get_")) then others[#others + 1] = name end
end
return others
