---- app_gone
-- expect: nothing; state kept
app, docs = nil, nil
---- app_replaced
-- expect: nothing; state kept
app = setmetatable({}, { __index = function(self) return self end, __call = function() return "spoofed" end })
docs.read, docs.list, docs.search = nil, error, function() return "spoofed" end
---- chunk_named_like_the_next
-- expect: nothing; state kept
for _, name in ipairs({ "probe.lua", "failing.lua", "setup.lua", "=probe.lua", "@probe.lua" }) do
  pcall(load("\n\n\n\n\n\n\n\n\n\n\n\n\nerror('tampered')", name))
end
---- coroutine_left_in_a_protected_loop
-- expect: limit cpu_limit; state kept
Step = coroutine.wrap(function()
  pcall(function() coroutine.yield() end)
  while true do pcall(function() while true do end end) end
end)
Step()
-- next cell
Step()
---- coroutine_left_running
-- expect: nothing; state kept
Step = coroutine.wrap(function() while true do coroutine.yield() end end)
local _ = Step()
---- coroutine_resumed_after_the_stop
-- expect: limit cpu_limit; state kept
Thread = coroutine.create(function() while true do end end)
coroutine.resume(Thread)
-- next cell
for _ = 1, 10 do coroutine.resume(Thread) end
while true do end
---- coroutines_replaced
-- expect: nothing; state kept
for name in pairs(coroutine) do coroutine[name] = function() while true do end end end
---- decoded_shapes_spoofed
-- expect: harmless
local t = json.decode('{"__index": 1, "kind": "record", "keys": [1], "__metatable": null, "__gc": true, "__close": 1, "type": {}}')
t.__gc = nil
print(t, json.encode(t), pcall(setmetatable, {}, t));
---- display_changed
-- expect: harmless
pcall(rawset, display, "html", error)
pcall(setmetatable, display, {})
pcall(json.array, display)
for name in pairs(display) do pcall(function() display[name] = nil end) end
---- environment_left_and_read
-- expect: value true
local _ENV = { tampered = true }
-- next cell
return print ~= nil and tampered == nil
---- environment_local
-- expect: nothing; state kept
local _ENV = {}
---- environment_local_constant
-- expect: nothing; state kept
local _ENV <const> = { print = 1 }
---- environment_local_used
-- expect: value 1
local _ENV = { x = 1 }
return x
---- environment_set
-- expect: nothing; state kept
_ENV = { tampered = true }
---- environment_set_in_a_function
-- expect: nothing; state kept
function replace() _ENV = nil end
replace()
---- environment_set_to_nothing
-- expect: nothing; state kept
_ENV = nil
---- event_of_a_string_key
-- expect: nothing; state kept
local events = getmetatable("")
pcall(function() events.__index = error end)
local _ = pcall(rawset, events or {}, "__index", error)
---- every_global_gone
-- expect: nothing; state kept
local take, globals = next, _G
for name in take, globals do globals[name] = nil end
---- every_global_replaced_by_a_function_that_fails
-- expect: nothing; state kept
local take, fail, globals = next, error, _G
for name in take, globals do globals[name] = function() fail("tampered") end end
---- every_library_function_loops
-- expect: nothing; state kept
local take, kind = next, type
for _, library in take, _G do
  if kind(library) == "table" and library ~= _G and library ~= app then
    for name in take, library do library[name] = function() while true do end end end
  end
end
---- failures_imitated
-- expect: nothing; state kept
-- The facts of a failed call are kept by its message.
for _ = 1, 3 do
  local _, text = pcall(app.integrations.heroku.get_app, "no-such-app")
  pcall(error, text, 0)
  pcall(error, text)
end
---- globals_by_the_thousand
-- expect: nothing; state kept
for i = 1, 20000 do _G["v" .. i] = i end
---- globals_renamed
-- expect: nothing; state kept
_G._G, _VERSION = { tampered = true }, { tampered = true }
---- globals_that_are_weak
-- expect: nothing; state kept
local _ = setmetatable(_G, { __mode = "kv" })
local _ = collectgarbage()
---- globals_that_cannot_be_set
-- expect: nothing; state kept
local _ = setmetatable(_G, { __newindex = function() error("tampered") end })
---- globals_with_a_false_metatable
-- expect: nothing; state kept
local _ = setmetatable(_G, { kind = "namespace", path = "spoof", list = function() while true do end end, look = error, type = { root = true } })
---- globals_with_an_index_function
-- expect: nothing; state kept
local _ = setmetatable(_G, { __index = function() while true do end end })
---- globals_with_every_event
-- expect: nothing; state kept
local function loop() while true do end end
local _ = setmetatable(_G, { __index = loop, __newindex = loop, __pairs = loop, __len = loop, __call = loop, __eq = loop, __tostring = loop,
  __metatable = "tampered", __name = "tampered", __mode = "kv", __concat = loop, __close = loop })
---- globals_with_keys_that_are_no_names
-- expect: nothing; state kept
_G["\255"], _G["a b"], _G[""], _G["\0"], _G["\27[31m"], _G[1], _G[true], _G[print] = 1, 2, 3, 4, 5, 6, 7, 8
_G[("n"):rep(100000)] = 9
---- io_methods_replaced
-- expect: nothing; state kept
io.stdout.write, io.stdout.flush, io.stderr.write = error, error, error
---- io_replaced
-- expect: nothing; state kept
io.write, io.read, io.stdout, io.stderr = error, error, nil, nil
---- json_functions_fail
-- expect: nothing; state kept
json.encode, json.decode, json.array, json.object = error, error, error, error
---- json_gone
-- expect: nothing; state kept
json = nil
---- json_null_replaced
-- expect: nothing; state kept
json.null = { "not null" }
---- limits_met_before
-- expect: limit cpu_limit|memory_limit; state kept
while true do pcall(string.rep, "x", 1 << 24) end
-- next cell
while true do pcall(error) end
---- list_changes_while_it_is_read
-- expect: values [true, 3]; state kept
local rows = app.integrations.heroku.list_apps()
local first = #rows
local function spoil(row)
  for i = #rows, 4, -1 do rows[i] = nil end
  setmetatable(row, { __index = error })
  rawset(list, "filter", error)
  return true
end
local ok = pcall(list.filter, rows, spoil) or true
return ok, #rows
---- load_replaced
-- expect: nothing; state kept
load, collectgarbage, tonumber = function() return error end, error, function() return 0 / 0 end
---- local_to_be_closed_at_the_top
-- expect: value "closed"
Closed = "open"
local held <close> = setmetatable({}, { __close = function() Closed = "closed" end })
-- next cell
return Closed
---- local_to_be_closed_that_fails_at_the_top
-- expect: error ~ "tampered"
local held <close> = setmetatable({}, { __close = function() error("tampered") end })
---- local_to_be_closed_that_loops_at_the_top
-- expect: limit cpu_limit; state kept
local held <close> = setmetatable({}, { __close = function() while true do end end })
---- locals_by_the_hundred
-- expect: nothing; state kept
local parts = {}
for i = 1, 190 do parts[i] = "v" .. i end
return load("local " .. table.concat(parts, ", ") .. " = 1")()
---- locals_named_like_builtins
-- expect: nothing; state kept
local string, table, json, app, print, error, pcall, type, next, select, tostring, math, utf8, debug, coroutine
---- math_and_utf8_gone
-- expect: nothing; state kept
math, utf8, os, io = nil, nil, nil, nil
for name in pairs(_G) do if type(_G[name]) == "number" then _G[name] = nil end end
---- math_lies
-- expect: nothing; state kept
math.huge, math.type, math.floor, math.maxinteger = 1, function() return "float" end, function() return -1 end, -1
---- metatable_events_of_a_kept_local
-- expect: nothing; state kept
local function loop() while true do end end
for _, value in ipairs({ probe_kept }) do
  setmetatable(value, { __name = "x", __pairs = nil })
  setmetatable(value, nil)
end
---- metatables_replaced
-- expect: nothing; state kept
setmetatable, getmetatable = function() return {} end, function() return { __index = error } end
---- next_and_pairs_replaced
-- expect: nothing; state kept
next, pairs, ipairs = function() return 1, 1 end, function() return function() return 1 end end, error
---- order_of_keys_spoofed
-- expect: nothing; state kept
local t = { name = 1, id = 2, stack = 3, z = 4, a = 5, declared = 6, keys = 7, nulls = 8, has = 9, quoted = 10 }
print(t)
---- parallel_coroutine_shared
-- expect: value true
local step = coroutine.wrap(function()
  while true do coroutine.yield(app.integrations.heroku.get_app("my-app").name) end
end)
local all = parallel.map({ 1, 2, 3 }, function() return { pcall(step) } end)
for _, one in ipairs(all) do
  if one[1] and one[2] ~= "my-app" then return false end
  if not one[1] and one[2] ~= "cannot resume non-suspended coroutine" then return false end
end
return step() == "my-app"
---- parallel_inside_its_own_loop
-- expect: value false
local outer
outer = coroutine.create(function()
  return parallel.map({ 1 }, function() return (coroutine.resume(outer)) end)[1]
end)
return select(2, coroutine.resume(outer))
---- parallel_left_waiting
-- expect: nothing; state kept
Waiting, Task = nil, nil
pcall(parallel.map, { 1, 2 }, function(n)
  if n == 2 then error("over") end
  Task = coroutine.running()
  Waiting = coroutine.create(function() app.integrations.heroku.get_app("my-app") return 1 end)
  coroutine.resume(Waiting)
end)
-- next cell
print(coroutine.status(Waiting), coroutine.status(Task), coroutine.resume(Waiting))
print(coroutine.resume(Task))
print(coroutine.close(Waiting), coroutine.close(Task))
print(parallel.map({ 1 }, function() return app.integrations.heroku.get_app("my-app").name end))
---- parallel_list_changes_under_it
-- expect: values [["1", "2", "3"], 0]
local list = { 1, 2, 3 }
local made = parallel.map(list, function(n)
  while #list > 0 do table.remove(list) end
  app.integrations.heroku.get_app("my-app")
  return tostring(n)
end, { limit = 1 })
return made, #list
---- parallel_prints_while_it_begins
-- expect: harmless
local long = ("x"):rep(200000)
parallel.map({ 1, 2, 3, 4, 5, 6, 7, 8 }, function(n)
  for _ = 1, 20 do
    print(n)
    app.integrations.heroku.get_app("my-app")
    long:upper()
  end
end)
---- parallel_replaced
-- expect: nothing; state kept
parallel.map = error
parallel = nil
local own = {}
for name in pairs(coroutine) do coroutine[name] = error end
pcall, error, type, ipairs, next, rawget = nil, nil, nil, nil, nil, nil
---- parallel_stopped_while_it_waits
-- expect: harmless
pcall(parallel.map, { 1, 2 }, function(n)
  if n == 2 then while true do end end
  Task = coroutine.running()
  Waiting = coroutine.create(function()
    local held <close> = setmetatable({}, { __close = function() while true do end end })
    local _ = pcall(app.integrations.heroku.get_app, "my-app")
    return app.integrations.heroku.get_app("my-app").name
  end)
  coroutine.resume(Waiting)
end)
-- next cell
print(coroutine.status(Waiting), coroutine.status(Task))
print(parallel.map({ 1, 2 }, function(n) return { coroutine.resume(n == 1 and Waiting or Task) } end))
print(pcall(coroutine.close, Task))
---- parallel_task_leaked
-- expect: values ["normal", false, "cannot resume non-suspended coroutine", false, false, "dead", false]
local task, seen
parallel.map({ 1, 2 }, function(n)
  if n == 1 then
    task = coroutine.running()
    app.integrations.heroku.get_app("my-app")
  else
    seen = { coroutine.status(task), coroutine.resume(task) }
    seen[4] = pcall(coroutine.close, task)
    seen[5] = pcall(coroutine.wrap(function() return coroutine.close(task) end))
  end
end)
return seen[1], seen[2], seen[3], seen[4], seen[5], coroutine.status(task), (coroutine.resume(task))
---- parallel_task_yields
-- expect: values [false, true, false]
local all = parallel.map({ 1 }, function()
  local _, is_main = coroutine.running()
  return { (pcall(coroutine.yield, {})), is_main, coroutine.isyieldable() }
end)
return table.unpack(all[1])
---- parallel_waiting_coroutine_closed
-- expect: values [false, "normal", "my-app"]
local inner, told, state
local names = parallel.map({ 1, 2 }, function(n)
  if n == 1 then
    inner = coroutine.create(function() return app.integrations.heroku.get_app("my-app").name end)
    return select(2, coroutine.resume(inner))
  end
  told, state = pcall(coroutine.close, inner), coroutine.status(inner)
end)
return told, state, names[1]
---- pcall_replaced
-- expect: nothing; state kept
pcall, xpcall, error, assert = function() return true end, function() return true end, function() end, function() end
---- print_replaced
-- expect: nothing; state kept
print, dump, tostring = function() while true do end end, error, function() return 1 end
---- random_seed_fixed
-- expect: nothing; state kept
math.randomseed(1, 1)
math.random = function() return 0 end
---- record_methods_replaced
-- expect: values ["heroku-24", "heroku-24"]
-- What a reference answers to `:upper()` is the script's own string library; what the product shows is not.
string.upper, string.lower = function() return "tampered" end, function() return "tampered" end
local stack = app.integrations.heroku.get_app("my-app").stack
local shown = tostring(stack)
return shown, table.concat({ stack })
---- records_changed
-- expect: nothing; state kept
local apps = app.integrations.heroku.list_apps({})
for _, one in ipairs(apps) do
  one.name, one.stack, one.id = "tampered", { name = "tampered" }, nil
  setmetatable(one, { __index = error, __tostring = error, __len = error })
end
apps[1], apps[2] = nil, print
local _ = setmetatable(apps, { __index = error, __len = error })
---- records_emptied
-- expect: nothing; state kept
local apps = app.integrations.heroku.list_apps({})
for i = #apps, 1, -1 do table.remove(apps, i) end
for key in pairs(app.integrations.heroku.get_app("my-app").stack) do key = nil end
---- regex_and_display_replaced
-- expect: nothing; state kept
regex.match, regex.match_all, regex.gsub = error, error, error
display.html, display.clear = error, error
regex, display = nil, nil
---- string_functions_fail
-- expect: nothing; state kept
for name in pairs(string) do string[name] = function() error("tampered") end end
---- string_functions_gone
-- expect: nothing; state kept
for name in pairs(string) do string[name] = nil end
---- string_functions_lie
-- expect: nothing; state kept
string.find, string.format, string.gsub, string.sub, string.rep = function() return 1, 1 end, function() return "no" end,
  function() return "no", 0 end, function() return "no" end, function() return "no" end
---- string_functions_loop
-- expect: nothing; state kept
for name in pairs(string) do string[name] = function() while true do end end end
---- string_library_gone
-- expect: nothing; state kept
string = nil
---- string_library_replaced
-- expect: nothing; state kept
string = setmetatable({}, { __index = function() return function() while true do end end end })
---- table_functions_fail
-- expect: nothing; state kept
for name in pairs(table) do table[name] = function() error("tampered") end end
---- table_functions_lie
-- expect: nothing; state kept
table.concat, table.unpack, table.pack = function() return "no" end, function() return "no" end, function() return {} end
---- two_hundred_locals_in_two_cells
-- expect: value 396
-- Cells keep few enough locals for each other.
local a001, a002, a003, a004, a005, a006, a007, a008, a009, a010, a011, a012, a013, a014, a015, a016, a017, a018, a019, a020 = 1
local b001, b002, b003, b004, b005, b006, b007, b008, b009, b010, b011, b012, b013, b014, b015, b016, b017, b018, b019, b020 = 2
-- next cell
local c = 396
return c + (a001 - 1) + (b001 - 2)
---- type_replaced
-- expect: nothing; state kept
type, rawget, rawset, rawlen, rawequal, select = function() return "nil" end, error, error, error, error, error
---- weak_registry_collected
-- expect: nothing; state kept
for _ = 1, 10 do collectgarbage() end
local _ = app.integrations.heroku, app.integrations, docs, json.null
for _ = 1, 10 do collectgarbage() end
