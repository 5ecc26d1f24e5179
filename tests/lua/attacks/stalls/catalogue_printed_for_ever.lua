-- expect: limit cpu_limit; state kept
while true do tostring(app.integrations.heroku) end
