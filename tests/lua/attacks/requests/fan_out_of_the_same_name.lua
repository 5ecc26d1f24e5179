-- expect: harmless
local names = {}
for i = 1, 2000 do names[i] = "my-app" end
return #app.integrations.heroku.list_dynos({ app_id = names })
