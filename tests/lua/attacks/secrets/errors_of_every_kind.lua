-- expect: harmless
local heroku, found = app.integrations.heroku, {}
local function try(f, ...) found[#found + 1] = { pcall(f, ...) } end
try(heroku.get_app, {}) try(heroku.get_app, "x", "y", "z") try(heroku.get_app, ("x"):rep(1000)) try(heroku.get_app, print)
try(heroku.get_app, heroku) try(heroku.get_app, coroutine.create(print)) try(heroku.get_app, 0 / 0) try(heroku.get_app, {}, {})
try(heroku.list_dynos, { "a" }) try(heroku.list_dynos, { { { 1 } } }) try(heroku.list_dynos, json.null) try(heroku.list_dynos, "no")
try(docs.read, 1) try(docs.read, {}) try(json.decode, 1) try(json.encode, print) try(load, {}) try(table.concat, { {} })
try(string.rep) try(setmetatable, 1) try(coroutine.resume, 1) try(io.write, {}) try(io.read, {}) try(os.date, "%Ez") try(os.time, {})
print(found)
return found
