-- expect: limit memory_limit|cpu_limit|call_limit
local heroku, t = app.integrations.heroku, {}
while true do
  local apps = heroku.list_apps({})
  for i = 1, #apps do apps[i].copy = ("x"):rep(1000) .. #t end
  t[#t + 1] = apps
end
