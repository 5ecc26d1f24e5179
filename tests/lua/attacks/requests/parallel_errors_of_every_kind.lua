-- expect: harmless
local thrown = { "text", "\255\27[2J", 5, 0.5, true, {}, setmetatable({}, { __tostring = function() while true do end end }), print, app, json.null, coroutine.create(print) }
local _, failures = parallel.map(thrown, function(value) error(value) end, { errors = "collect" })
for i = 1, #thrown do print(pcall(parallel.map, { thrown[i] }, function(value) error(value, i % 3) end)) end
pcall(parallel.map, { 1 }, function() error() end)
return failures
