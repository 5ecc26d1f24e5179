-- expect: harmless
local t = {}
for _, one in ipairs(app.integrations.heroku.list_apps({})) do t[one] = one.stack t[one.stack] = one end
print(t)
return t
