-- expect: value true
return docs.read("heroku.list_apps"):find("list_apps", 1, true) ~= nil and #docs.list() > 0 and #docs.search("dyno") > 0
