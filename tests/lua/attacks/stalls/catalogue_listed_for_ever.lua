-- expect: limit cpu_limit; state kept
while true do for _ in pairs(app.integrations.heroku) do end end
