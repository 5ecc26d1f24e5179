-- expect: value true
local groups, total = {}, 0
local apps = app.integrations.heroku.list_apps({})
for _, one in ipairs(apps) do groups[one.stack.name] = (groups[one.stack.name] or 0) + 1 end
for _, n in pairs(groups) do total = total + n end
return total == #apps and groups["heroku-24"] ~= nil
