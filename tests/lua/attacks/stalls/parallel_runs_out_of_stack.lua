-- expect: harmless
local function down(n) return 1 + down(n + 1) end
print((pcall(parallel.map, { 1, 2, 3 }, down)))
local function around(f) pcall(function() around(f) end) f() end
pcall(around, function() parallel.map({ 1, 2 }, function(n) return app.integrations.heroku.get_app("my-app") end) end)
print(#parallel.map({ 1, 2 }, function(n) return n end))
