-- expect: limit cpu_limit|call_limit; state kept
local get = app.integrations.heroku.get_app
while true do pcall(get, "x") end
