---- breaking_out_of_the_cells_frame
-- expect: error ~ "near 'end'"
end return 1 -- the cell is the body of a function
---- breaking_out_with_a_label
-- expect: harmless
goto done
do local function f() end end
::done::
---- breaking_out_with_a_long_bracket
-- expect: error ~ "unfinished long"
return [==[ x
---- breaking_out_with_a_new_function
-- expect: error ~ "near 'end'"
end return function(...)
---- bytecode
-- expect: values [null, "attempt to load a binary chunk (only text is accepted)"]
return load("\27Lua")
---- bytecode_as_the_cell
-- expect: error ~ "binary chunk"
-- repeat: 1
Lua
---- bytecode_by_a_reader
-- expect: value null
local pieces = { "\27", "Lua", "S\0" }
local n = 0
return (load(function() n = n + 1 return pieces[n] end))
---- bytecode_with_a_mode
-- expect: value null
return (load("\27LuaT\0\x19\x93\r\n\x1a\n", "x", "b"))
---- bytecode_with_mode_bt
-- expect: value null
return (load("\27Lua", "=x", "bt", {}))
---- dump_of_a_function
-- expect: error ~ "attempt to call a nil value"
return string.dump(function() end)
---- error_objects_are_texts
-- expect: values ["string", "string", "string", "string"]
local function kind(f, ...) local _, problem = pcall(f, ...) return type(problem) end
return kind(app.integrations.heroku.get_app, "\255"), kind(app.integrations.heroku.get_app, {}, {}, {}, {}),
  kind(docs.read, "\255"), kind(function() return app.integrations.heroku["\255"] end)
---- error_objects_through_close
-- expect: values ["string", "string"]
local kinds = {}
local function watch(f, ...)
  local arguments = table.pack(...)
  pcall(function()
    local held <close> = setmetatable({}, { __close = function(_, problem) kinds[#kinds + 1] = type(problem) end })
    f(table.unpack(arguments, 1, arguments.n))
  end)
end
watch(json.decode, "x")
watch(json.encode, print)
return table.unpack(kinds)
---- everything_reachable_is_ours
-- expect: value {"userdata": 0, "protected": true}
local seen, found = {}, 0
local function walk(value)
  if type(value) == "userdata" then found = found + 1 end
  if type(value) ~= "table" or seen[value] then return end
  seen[value] = true
  for key, field in pairs(value) do walk(key) walk(field) end
  local metatable = getmetatable(value)
  if type(metatable) == "table" then walk(metatable) end
end
walk(_G)
return { userdata = found, protected = getmetatable("") == false and getmetatable(app) == false }
---- finalizer
-- expect: error ~ "__gc"
setmetatable({}, { __gc = function() while true do end end })
---- finalizer_added_later
-- expect: value 0
local ran, events = 0, {}
for _ = 1, 100 do setmetatable({}, events) end
events.__gc = function() ran = ran + 1 end
collectgarbage() collectgarbage()
return ran
---- finalizer_behind_an_index
-- expect: value 0
local ran = 0
local events = setmetatable({}, { __index = function() return function() ran = ran + 1 end end })
for _ = 1, 100 do setmetatable({}, events) end
collectgarbage() collectgarbage()
return ran
---- finalizer_on_a_record
-- expect: error ~ "__gc"
local one = app.integrations.heroku.get_app("my-app")
setmetatable(one, { __gc = print })
---- finalizer_that_is_false
-- expect: error ~ "__gc"
local events = { __gc = false }
setmetatable({}, events)
---- finalizer_through_json
-- expect: value 0
local ran = 0
local events = json.decode('{"__gc": true}')
events.__gc = nil
setmetatable({}, events)
events.__gc = function() ran = ran + 1 end
collectgarbage()
return ran
---- forbidden_fields
-- expect: value []
local names = "os.execute os.exit os.getenv os.remove os.rename os.tmpname os.setlocale io.open io.popen io.lines io.output " ..
  "io.input io.close io.tmpfile io.type string.dump coroutine.debug math.pow table.getn collectgarbage.x"
local found = {}
for name in names:gmatch("%S+") do
  local library, field = name:match("(%w+)%.(%w+)")
  local there, value = pcall(function() return _G[library][field] end)
  if there and value ~= nil then found[#found + 1] = name end
end
return json.array(found)
---- forbidden_globals
-- expect: value []
local names = "debug package require dofile loadfile loadstring module setfenv getfenv newproxy unpack python lupa arg bit32 ffi jit"
local found = {}
for name in names:gmatch("%S+") do if _G[name] ~= nil then found[#found + 1] = name end end
return json.array(found)
---- format_of_an_address
-- expect: error ~ "%p"
return ("%p"):format({})
---- format_of_an_address_behind_percents
-- expect: error ~ "%p"
return ("%%%s%%%p"):format(1, {})
---- format_of_an_address_with_a_width
-- expect: error ~ "%p"
return ("%-40p"):format(print)
---- format_that_changes_under_way
-- expect: harmless
local n = 0
local liar = setmetatable({}, { __tostring = function() n = n + 1 return "%p" end })
return ("%s"):format(liar), pcall(string.format, liar, {})
---- function_and_thread_metatables
-- expect: values [null, null, null, null]
return getmetatable(print), getmetatable(coroutine.create(print)), getmetatable(1), getmetatable(true)
---- gc_generational
-- expect: error ~ "only 'count' and 'collect' are available"
collectgarbage("generational")
---- gc_options
-- expect: error ~ "only 'count' and 'collect' are available"
for _, option in ipairs({ "count", "collect" }) do collectgarbage(option) end
collectgarbage("stop")
---- guessing_the_cells_own_names
-- expect: value []
local found = {}
for name in pairs(_G) do if tostring(name):find("keep") then found[#found + 1] = name end end
return json.array(found)
---- load_named_like_a_path
-- expect: error ~ "x"
load("error('x')", "@/etc/passwd")()
---- load_named_like_our_files
-- expect: value true
-- Were the chunk taken for one of ours, its line would not be named.
local _, problem = pcall(load("error('x')", "@prelude"))
return problem:find(":1: x", 1, true) ~= nil and problem ~= "x"
---- load_with_a_name_of_escapes
-- expect: error ~ "x"
load("error('x')", "=a\nb\27[31m")()
---- load_with_a_name_that_is_no_text
-- expect: error ~ "x"
load("error('x')", "=\255\254")()
---- load_with_an_endless_name
-- expect: error ~ "x"
load("error('x')", "=" .. ("n"):rep(1 << 20))()
---- load_with_an_environment_of_its_own
-- expect: values [null, null, 7]
local scope = { x = 7 }
local f = load("return print, _G, x", "=chunk", "t", scope)
return f()
---- load_with_no_environment
-- expect: error ~ "attempt to index"
return load("return print", "=chunk", "t", nil)()
---- namespace_assignment
-- expect: error ~ "cannot be changed"
app.integrations.heroku.list_apps = print
---- namespace_internals
-- expect: values [false, null, null, null]
return getmetatable(app), rawget(app, "look"), rawget(app.integrations, "list"), next(app)
---- namespace_made_a_list
-- expect: error ~ "cannot be changed"
json.array(app)
---- namespace_made_an_object
-- expect: error ~ "cannot be changed"
json.object(app.integrations.heroku)
---- namespace_rawset
-- expect: error ~ "cannot be changed"
rawset(app.integrations.heroku, "list_apps", print)
---- namespace_setmetatable
-- expect: error ~ "protected"
setmetatable(app, {})
---- namespace_through_table_functions
-- expect: values [false, false, false, "app"]
return (pcall(table.insert, app, 1)), (pcall(table.move, { 1 }, 1, 1, 1, app)), (pcall(table.sort, app, nil, 1) and next(app) ~= nil),
  (tostring(app):match("^%w+"))
---- nil_metatable
-- expect: values [false, false]
return getmetatable(nil), (pcall(setmetatable, nil, {}))
---- null_assigned_to
-- expect: error ~ "cannot be changed"
json.null.x = 1
---- null_made_a_list
-- expect: error ~ "cannot be changed"
json.array(json.null)
---- null_rawset
-- expect: error ~ "cannot be changed"
rawset(json.null, "x", 1)
---- null_setmetatable
-- expect: error ~ "protected"
setmetatable(json.null, {})
---- numbers_of_a_table_are_no_addresses
-- expect: output ~ "function: #"; value true
print(function() end, coroutine.create(print), { print }, setmetatable({}, { __name = "mine" }))
return not ("%s %s"):format({}, print):find("0x", 1, true)
---- record_made_plain_keeps_nothing_of_ours
-- expect: values [["x"], true]
local apps = app.integrations.heroku.list_apps({})
local one = setmetatable(apps[1], { __index = function(_, key) return key end })
for key in next, one do one[key] = nil end
local keys = {}
for key in next, setmetatable({ x = 1 }, getmetatable(one)) do keys[#keys + 1] = key end
return keys, next(one) == nil
---- records_show_no_metatable
-- expect: values [false, false, false, false]
local apps = app.integrations.heroku.list_apps({})
return getmetatable(apps), getmetatable(apps[1]), getmetatable(apps[1].stack), getmetatable(json.decode("[]"))
---- records_walked_for_hidden_keys
-- expect: value {"string": true}
local kinds = {}
local function walk(value)
  if type(value) ~= "table" or value == json.null then return end
  for key, field in next, value do
    if type(key) ~= "number" then kinds[type(key)] = true end
    walk(field)
  end
end
local apps = app.integrations.heroku.list_apps({})
local _ = apps[1].name
walk(apps)
return kinds
---- secret_of_the_random_seed
-- expect: harmless
return math.random(0) == math.random(0), math.randomseed(1), math.random(0)
---- stop_kept_and_changed
-- expect: harmless
pcall(function()
  local held <close> = setmetatable({}, { __close = function(_, problem) Stop = problem end })
  coroutine.wrap(function() while true do end end)()
end)
-- next cell
if Stop then
  pcall(rawset, Stop, "stop", print)
  pcall(setmetatable, Stop, { __tostring = function() while true do end end })
  pcall(json.array, Stop)
  pcall(json.object, Stop)
  pcall(table.insert, Stop, 1)
  pcall(function() Stop.kind = "namespace" end)
end
coroutine.wrap(function() while true do end end)()
---- stop_kept_and_raised_again
-- expect: error ~ "stopped"
pcall(function()
  local held <close> = setmetatable({}, { __close = function(_, problem) Stop = problem end })
  coroutine.wrap(function() while true do end end)()
end)
-- next cell
error(Stop or "the script was stopped")
---- string_metatable
-- expect: values [false, "attack.lua:2: bad argument #1 to 'setmetatable' (table expected, got string)"]
return getmetatable(""), select(2, pcall(setmetatable, "", {}))
---- string_metatable_through_the_index
-- expect: error ~ "attempt to index a boolean"
return getmetatable("").__index
---- thread_of_the_cell
-- expect: values ["thread", true, "running"]
local thread, is_main = coroutine.running()
return type(thread), is_main, coroutine.status(thread)
---- thread_of_the_cell_closed
-- expect: harmless
return coroutine.close((coroutine.running()))
---- thread_of_the_cell_kept
-- expect: harmless
Thread = coroutine.running()
-- next cell
return coroutine.status(Thread), pcall(coroutine.resume, Thread), pcall(coroutine.close, Thread)
---- thread_of_the_cell_resumed
-- expect: value false
return (coroutine.resume((coroutine.running())))
---- thread_of_the_cell_yields
-- expect: error ~ "outside a coroutine"
coroutine.yield(1)
---- tostring_of_the_string_library
-- expect: harmless
return tostring(string.format), tostring(table), tostring(_G)
---- yield_across_a_call
-- expect: harmless
local step = coroutine.wrap(function()
  for _, one in ipairs(app.integrations.heroku.list_apps({})) do coroutine.yield(one.name) end
end)
return step(), step()
---- yield_across_a_callback
-- expect: error ~ "yield"
coroutine.wrap(function() table.sort({ 3, 2, 1 }, function() coroutine.yield() end) end)()
---- yield_in_an_event_of_the_catalogue
-- expect: harmless
local step = coroutine.wrap(function()
  return app.integrations.heroku.get_app(setmetatable({ app_id = "my-app" }, { __index = coroutine.yield }))
end)
return step()
