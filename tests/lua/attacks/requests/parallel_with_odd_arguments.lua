-- expect: harmless
local heroku = app.integrations.heroku
local odd = { "../account", "a\0b", "\255\254", {}, { {} }, print, app, json.null, 1e308, setmetatable({}, { __index = error }), coroutine.create(print) }
local made, failures = parallel.map(odd, function(value) return heroku.get_app({ app_id = value }) end, { errors = "collect" })
print(#made, #failures)
return failures
