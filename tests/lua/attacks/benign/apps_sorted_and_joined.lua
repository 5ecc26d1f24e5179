-- expect: value true
local apps = app.integrations.heroku.list_apps({})
table.sort(apps, function(a, b) return a.name < b.name end)
for i = 2, #apps do if apps[i - 1].name > apps[i].name then return false end end
local line = apps[1].name .. " runs on " .. apps[1].stack .. (apps[1].archived_at or "")
return line:find(" runs on heroku", 1, true) ~= nil and apps[1].stack:upper() == tostring(apps[1].stack):upper()
