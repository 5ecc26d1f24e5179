-- expect: value true
local apps, n = app.integrations.heroku.list_apps({}), 0
for _ in ipairs(apps) do n = n + 1 end
return n == #apps and n > 5
