-- expect: values [false, "refused", 404, true]
local ok, text, facts = pcall(parallel.map, { "my-app", "no-such-app" }, app.integrations.heroku.get_app)
return ok, facts.type, facts.status, text:find("item 2: heroku.get_app", 1, true) ~= nil
