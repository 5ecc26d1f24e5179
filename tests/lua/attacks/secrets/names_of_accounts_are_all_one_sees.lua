-- expect: value ["get_app", "get_current_user", "list_addons", "list_apps", "list_collaborators", "list_domains", "list_dynos"]
local names = {}
for name in pairs(app.integrations.heroku) do names[#names + 1] = name end
table.sort(names)
return names
