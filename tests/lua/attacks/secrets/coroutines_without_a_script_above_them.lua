-- expect: harmless
local found = {}
local function keep(...) found[#found + 1] = { ... } end
keep(pcall(coroutine.close, (coroutine.running())))
keep(coroutine.resume(coroutine.create(coroutine.close), (coroutine.running())))
keep(coroutine.resume(coroutine.create(function() return coroutine.close((coroutine.running())) end)))
keep(coroutine.resume(coroutine.create(coroutine.resume), 1))
keep(coroutine.resume(coroutine.create(setmetatable), app, {}))
keep(coroutine.resume(coroutine.create(rawset), app, 1, 1))
keep(coroutine.resume(coroutine.create(table.move), {}, "x", {}, {}))
keep(coroutine.resume(coroutine.create(app.integrations.heroku.get_app), app, {}))
keep(coroutine.resume(coroutine.create(error), "x", 1))
keep(coroutine.resume(coroutine.create(error), "x", 2))
keep(coroutine.resume(coroutine.create(coroutine.wrap(error)), "x", 2))
for i = 1, #found do print(found[i][1], found[i][2]) end
return found
