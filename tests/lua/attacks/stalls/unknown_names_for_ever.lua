-- expect: limit cpu_limit|call_limit; state kept
local heroku = app.integrations.heroku
while true do pcall(function() return heroku.nothing end) end
