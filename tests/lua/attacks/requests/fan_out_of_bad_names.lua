-- expect: error ~ "items"
local names = {}
for i = 1, 100000 do names[i] = "-" .. i end
return app.integrations.heroku.list_dynos({ app_id = names })
