-- expect: nothing; state kept
for _ = 1, 10 do collectgarbage() end
local _ = app.integrations.heroku, app.integrations, docs, json.null
for _ = 1, 10 do collectgarbage() end
