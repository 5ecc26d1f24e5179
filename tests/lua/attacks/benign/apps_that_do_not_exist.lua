-- expect: values [false, "string", "refused", 404, "not_found", false]
local ok, text, facts = pcall(app.integrations.heroku.get_app, "no-such-app")
return ok, type(text), facts.type, facts.status, facts.id, facts.retryable
