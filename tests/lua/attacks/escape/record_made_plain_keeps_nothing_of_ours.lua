-- expect: values [["x"], true]
local apps = app.integrations.heroku.list_apps({})
local one = setmetatable(apps[1], { __index = function(_, key) return key end })
for key in next, one do one[key] = nil end
local keys = {}
for key in next, setmetatable({ x = 1 }, getmetatable(one)) do keys[#keys + 1] = key end
return keys, next(one) == nil
