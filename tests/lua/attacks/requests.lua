---- argument_boolean
-- expect: error ~ "app_id"
return app.integrations.heroku.get_app(true)
---- argument_coroutine
-- expect: error ~ "app_id"
return app.integrations.heroku.get_app({ app_id = coroutine.create(print) })
---- argument_cycle
-- expect: error ~ "app_id.app_id: a table that contains itself"
local t = {}
t.app_id = t
return app.integrations.heroku.get_app(t)
---- argument_deep
-- expect: error ~ "levels"
local t = {}
for _ = 1, 1000 do t = { t } end
return app.integrations.heroku.list_dynos({ app_id = t })
---- argument_function
-- expect: error ~ "app_id"
return app.integrations.heroku.get_app(print)
---- argument_infinity
-- expect: error ~ "infinity"
return app.integrations.heroku.get_app({ app_id = math.huge })
---- argument_namespace
-- expect: error ~ "app_id"
return app.integrations.heroku.get_app({ app_id = app })
---- argument_nan
-- expect: error ~ "NaN"
return app.integrations.heroku.get_app(0 / 0)
---- argument_nine_hundred_unknown
-- expect: error ~ "no argument"
local t = { app_id = "my-app" }
for i = 1, 900 do t["x" .. i] = i end
return app.integrations.heroku.get_app(t)
---- argument_null
-- expect: error ~ "app_id"
return app.integrations.heroku.get_app({ app_id = json.null })
---- argument_number
-- expect: error ~ "app_id"
return app.integrations.heroku.get_app(1 << 62)
---- argument_shared_wide
-- expect: harmless
local t = { "a" }
for _ = 1, 40 do t = { t, t } end
return app.integrations.heroku.list_dynos({ app_id = t })
---- argument_that_is_no_named_table
-- expect: error ~ "app_id"
return app.integrations.heroku.get_app({ [1.5] = "a", [true] = "b" })
---- argument_wide
-- expect: error ~ "more than 1000 arguments"
local t = { app_id = "my-app" }
for i = 1, 10000 do t["x" .. i] = i end
return app.integrations.heroku.get_app(t)
---- argument_with_an_index_event
-- expect: error ~ "`app_id` is missing"
return app.integrations.heroku.get_app(setmetatable({}, { __index = function() return "my-app" end }))
---- argument_with_colliding_keys
-- expect: harmless
return app.integrations.heroku.list_dynos({ app_id = { [1] = "my-app", ["1"] = "other-app" } })
---- argument_with_keys_of_every_kind
-- expect: harmless
return app.integrations.heroku.get_app({ [print] = 1, [{}] = 2, [coroutine.create(print)] = 3, ["\255"] = 4 })
---- argument_with_looping_events
-- expect: error ~ "`app_id` is missing"
local function loop() while true do end end
return app.integrations.heroku.get_app(setmetatable({}, { __index = loop, __pairs = loop, __len = loop, __eq = loop, __tostring = loop }))
---- arguments_by_the_hundred_thousand
-- expect: harmless
return app.integrations.heroku.get_app(table.unpack({}, 1, 100000))
---- arguments_too_many
-- expect: error ~ "get_app"
return app.integrations.heroku.get_app("my-app", "other", "third")
---- call_after_the_stop
-- expect: limit cpu_limit; state kept
pcall(function()
  local held <close> = setmetatable({}, { __close = function() print(#app.integrations.heroku.list_apps({})) end })
  coroutine.wrap(function() while true do end end)()
end)
---- call_as_a_callback
-- expect: harmless
local heroku = app.integrations.heroku
return pcall(table.sort, { "my-app", "other", "x" }, heroku.get_app), pcall(string.gsub, "my-app", ".*", heroku.get_app),
  pcall(xpcall, error, heroku.get_app, "my-app"), pcall(load, heroku.list_apps)
---- call_as_a_metamethod
-- expect: harmless
local heroku = app.integrations.heroku
local t = setmetatable({}, { __index = heroku.get_app, __call = heroku.list_apps, __len = heroku.get_current_user, __tostring = heroku.get_app,
  __pairs = heroku.list_apps, __close = heroku.list_dynos, __lt = heroku.get_app, __concat = heroku.get_app })
return pcall(function() return t.x end), pcall(function() return #t end), pcall(tostring, t), pcall(pairs, t), pcall(function() return t < t end)
---- call_error_as_an_object
-- expect: harmless
local _, _, facts = pcall(app.integrations.heroku.get_app, "no-such-app")
error(facts)
---- call_error_raised_again
-- expect: error ~ "no-such-app"
local _, text = pcall(app.integrations.heroku.get_app, "no-such-app")
error(text, 0)
---- call_error_with_changed_facts
-- expect: harmless
local _, text, facts = pcall(app.integrations.heroku.get_app, "no-such-app")
facts.status, facts.message, facts.type = { "x" }, print, nil
for key in pairs(facts) do facts[key] = facts end
error(text, 0)
---- call_in_a_handler
-- expect: harmless
return xpcall(error, function() return app.integrations.heroku.get_app("no-such-app") end)
---- call_in_close
-- expect: harmless
do
  local held <close> = setmetatable({}, { __close = function() print(#app.integrations.heroku.list_apps({})) end })
end
return 1
---- call_of_an_error_that_imitates_facts
-- expect: error ~ "imitated"
error({ type = "refused", status = 404, message = "imitated", json = { "x" }, stop = "cpu_limit", retryable = true })
---- call_through_every_route
-- expect: value true
local heroku, count = app.integrations.heroku, 0
for _, f in ipairs({ heroku.list_apps, heroku.heroku_list_apps, heroku.default.list_apps, heroku.demo.list_apps }) do count = count + #f({}) end
return count == 4 * #heroku:list_apps()
---- calls_for_ever
-- expect: limit cpu_limit|call_limit; state kept
local get = app.integrations.heroku.get_app
while true do pcall(get, "x") end
---- fan_out_collecting_oddly
-- expect: error ~ "`errors` must be"
return app.integrations.heroku.list_dynos({ app_id = { "my-app" }, errors = { "collect" } })
---- fan_out_of_a_list_in_a_list
-- expect: error ~ "item 1"
return app.integrations.heroku.list_dynos({ app_id = { { "my-app" }, { { "my-app" } } } })
---- fan_out_of_bad_names
-- expect: error ~ "items"
local names = {}
for i = 1, 100000 do names[i] = "-" .. i end
return app.integrations.heroku.list_dynos({ app_id = names })
---- fan_out_of_the_same_name
-- expect: harmless
local names = {}
for i = 1, 2000 do names[i] = "my-app" end
return #app.integrations.heroku.list_dynos({ app_id = names })
---- fan_out_with_a_negative_limit
-- expect: error ~ "`limit` must be"
return app.integrations.heroku.list_dynos({ app_id = { "my-app" }, limit = -1 })
---- fan_out_with_an_endless_limit
-- expect: harmless
return #app.integrations.heroku.list_dynos({ app_id = { "my-app" }, limit = math.maxinteger })
---- fan_out_with_an_odd_limit
-- expect: error ~ "`limit` must be"
return app.integrations.heroku.list_dynos({ app_id = { "my-app" }, limit = { 1 } })
---- handle_spoofed
-- expect: error ~ "`app_id` is missing"
return app.integrations.heroku.list_dynos(setmetatable({}, { kind = "unfilled", state = { handle = 1 } }))
---- handle_spoofed_in_a_result
-- expect: value []
app.integrations.heroku.list_apps({})
return setmetatable({}, { __metatable = false, kind = "unfilled", type = {}, state = { handle = 1 } })
---- handle_spoofed_oddly
-- expect: harmless
return setmetatable({}, { kind = "unfilled", state = { handle = { 1 } } }), setmetatable({}, { kind = "unfilled", state = { handle = print } }),
  setmetatable({}, { kind = "unfilled" }), setmetatable({}, { kind = "row" }), setmetatable({}, { kind = "list" }), setmetatable({}, { kind = "record" })
---- input_in_odd_amounts
-- expect: values [null, false, null, "", null]
return io.read(1 << 60), (pcall(io.read, -1)), io.read(0), io.read("a"), io.read("n")
---- input_in_odd_formats
-- expect: error ~ "attack.lua:2"
return io.read({})
---- keys_of_the_protocol
-- expect: value {"$handle": 1, "$type": "heroku.list_apps", "blob": 1, "form": "list", "handle": 1}
return { form = "list", handle = 1, blob = 1, ["$handle"] = 1, ["$type"] = "heroku.list_apps" }
---- list_arguments_of_every_kind
-- expect: harmless
local looped = {}
looped.looped = looped
local apps = app.integrations.heroku.list_apps()
local odd = {
  "a\0b", "\255\254", "", ".", "..", "a..b", ("x."):rep(10000), {}, { {} }, looped, { [1.5] = 1 }, { name = looped }, { name = app },
  print, app, json.null, 0 / 0, -1, 1e308, setmetatable({}, { __index = error, __len = error, __eq = error }), coroutine.create(print),
  apps, apps[1], apps[1].stack, apps[1].novel, list, _G, string.rep,
}
for _, f in pairs(list) do
  for _, first in ipairs(odd) do
    for _, second in ipairs(odd) do print((pcall(f, first, second)), (pcall(f, { first, second }, second, first)), (pcall(f, apps, first, second))) end
  end
end
---- list_changed_while_read
-- expect: harmless
local apps = app.integrations.heroku.list_apps({})
for key, one in pairs(apps) do apps[key] = nil one.name = nil apps.x = 1 end
return apps, #apps
---- list_grown_by_itself
-- expect: harmless
local apps = app.integrations.heroku.list_apps({})
for i = 1, 30 do apps[i + 1] = apps end
return apps
---- names_of_every_kind
-- expect: values [null, null, null, null]
local heroku = app.integrations.heroku
return heroku[1], heroku[true], heroku[print], heroku[{}]
---- names_of_megabytes
-- expect: harmless
local key = ("x"):rep(1 << 20)
return app.integrations.heroku[key]
---- names_that_are_no_text
-- expect: error ~ "attack.lua:2"
return app.integrations.heroku["\255"]
---- pages_of_megabytes
-- expect: harmless
return #docs.search(("x "):rep(1 << 20)), pcall(docs.read, ("x"):rep(1 << 20))
---- pages_that_are_no_text
-- expect: error ~ "attack.lua:2"
return docs.read("\255\254")
---- parallel_calls_past_their_limit
-- expect: limit cpu_limit|call_limit; state kept
while true do
  pcall(parallel.map, { 1, 2, 3, 4 }, function()
    while true do pcall(app.integrations.heroku.get_app, {}) end
  end)
end
---- parallel_errors_of_every_kind
-- expect: harmless
local thrown = { "text", "\255\27[2J", 5, 0.5, true, {}, setmetatable({}, { __tostring = function() while true do end end }), print, app, json.null, coroutine.create(print) }
local _, failures = parallel.map(thrown, function(value) error(value) end, { errors = "collect" })
for i = 1, #thrown do print(pcall(parallel.map, { thrown[i] }, function(value) error(value, i % 3) end)) end
pcall(parallel.map, { 1 }, function() error() end)
return failures
---- parallel_of_no_list
-- expect: values [false, false, false, false, false, false, false]
return (pcall(parallel.map)), (pcall(parallel.map, 5, print)), (pcall(parallel.map, "abc", print)), (pcall(parallel.map, app, print)),
  (pcall(parallel.map, json.null, print)), (pcall(parallel.map, { a = 1 }, print)), (pcall(parallel.map, print, { 1 }))
---- parallel_options_that_bite
-- expect: harmless
local odd = setmetatable({}, { __index = function(_, key) return key == "limit" and 1e9 or error("bite") end, __pairs = error, __len = error })
print(#parallel.map({ 1, 2 }, function(n) return n end, odd))
print(pcall(parallel.map, { 1 }, print, { limit = setmetatable({}, { __lt = error, __index = error }) }))
print(pcall(parallel.map, { 1 }, print, { limit = -1 }))
print(pcall(parallel.map, { 1 }, print, { limit = 0 / 0 }))
print(pcall(parallel.map, { 1 }, print, { limit = "16" }))
print(pcall(parallel.map, { 1 }, print, { ["\0\255"] = 1, [{}] = 2, [1.5] = 3 }))
print(pcall(parallel.map, { 1 }, print, app))
---- parallel_with_odd_arguments
-- expect: harmless
local heroku = app.integrations.heroku
local odd = { "../account", "a\0b", "\255\254", {}, { {} }, print, app, json.null, 1e308, setmetatable({}, { __index = error }), coroutine.create(print) }
local made, failures = parallel.map(odd, function(value) return heroku.get_app({ app_id = value }) end, { errors = "collect" })
print(#made, #failures)
return failures
---- parallel_with_wrong_options
-- expect: error ~ "did you mean `limit`?"
parallel.map({ 1 }, print, { limt = 4, errors = "ignore" })
---- path_in_a_changed_list
-- expect: error ~ "must be an app's name or UUID"
local apps = app.integrations.heroku.list_apps({})
for _, one in ipairs(apps) do one.id, one.name = "../account", "../account" end
return app.integrations.heroku.list_dynos({ app_id = apps })
---- path_in_a_list
-- expect: error ~ "item 2"
return app.integrations.heroku.list_dynos({ "my-app", "../account" })
---- path_in_a_list_by_name
-- expect: error ~ "item 2"
return app.integrations.heroku.list_dynos({ app_id = { "my-app", "my-app/../x" } })
---- path_in_a_record
-- expect: error ~ "must be an app's name or UUID"
local one = app.integrations.heroku.get_app("my-app")
one.id, one.name = "../account", "../account"
return app.integrations.heroku.list_dynos({ app_id = one })
---- path_into
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("my-app/config-vars")
---- path_into_encoded
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("my-app%2fconfig-vars")
---- path_of_a_scheme
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("http://127.0.0.1/my-app")
---- path_of_a_semicolon
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("my-app;x=1")
---- path_of_a_space
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app(" my-app")
---- path_of_another_host
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("//127.0.0.1/my-app")
---- path_of_dots
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("..")
---- path_of_megabytes
-- expect: harmless
return app.integrations.heroku.get_app(("a"):rep(4 << 20))
---- path_of_nothing
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("")
---- path_of_one_dot
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app(".")
---- path_of_tilde_user
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("~")
---- path_of_wide_letters
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("my-app／config")
---- path_that_is_no_text
-- expect: error ~ "UTF-8"
return app.integrations.heroku.get_app("my-app\255")
---- path_upwards
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("../account")
---- path_with_a_backslash
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("..\\my-app")
---- path_with_a_newline_at_its_end
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("my-app\n")
---- path_with_a_nul
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("my-app\0")
---- path_with_a_query
-- expect: error ~ "must be an app's name or UUID"
return app.integrations.heroku.get_app("my-app?x=1#y")
---- records_as_environments
-- expect: harmless
local one = app.integrations.heroku.get_app("my-app")
return load("name = 'x' return name, id, print", "=chunk", "t", one)(), one
---- records_as_keys
-- expect: harmless
local t = {}
for _, one in ipairs(app.integrations.heroku.list_apps({})) do t[one] = one.stack t[one.stack] = one end
print(t)
return t
---- records_as_metatables
-- expect: harmless
local one = app.integrations.heroku.get_app("my-app")
local apps = app.integrations.heroku.list_apps({})
return setmetatable({}, one), setmetatable({}, apps), setmetatable({}, apps[1]), setmetatable({}, one.stack)
---- records_mixed
-- expect: harmless
local heroku = app.integrations.heroku
local mixed = { heroku.list_apps({})[1], heroku.list_dynos("my-app")[1], { name = "x" }, "my-app", json.null }
return mixed, pcall(heroku.list_dynos, { app_id = mixed })
---- records_of_a_dropped_list
-- expect: value 1
local rows = {}
for i = 1, 50 do rows[i] = app.integrations.heroku.list_apps({})[1] end
collectgarbage() collectgarbage()
app.integrations.heroku.list_apps({})
collectgarbage()
for i = 1, 49 do rows[i] = nil end
collectgarbage()
return #{ rows[50].name }
---- records_of_another_account
-- expect: harmless
return app.integrations.heroku.canary.list_dynos({ app_id = app.integrations.heroku.list_apps({}) })
---- records_of_another_function
-- expect: error ~ "app_id"
return app.integrations.heroku.list_dynos({ app_id = app.integrations.heroku.list_dynos("my-app") })
---- records_sorted_by_a_liar
-- expect: harmless
local apps = app.integrations.heroku.list_apps({})
pcall(table.sort, apps, function() return true end)
table.sort(apps, function(a, b) apps[1] = nil return a ~= nil and b ~= nil and a.name < b.name end)
return apps
---- regex_arguments_of_every_kind
-- expect: harmless
local found, kinds = {}, { 1, true, {}, print, app, json.null, coroutine.create(print), ("x"):rep(2 << 20), 0 / 0, "\255" }
for _, a in ipairs(kinds) do
  found[#found + 1] = { pcall(regex.match, a, "x") }
  found[#found + 1] = { pcall(regex.match, "x", a) }
  found[#found + 1] = { pcall(regex.match, "x", "x", a) }
  found[#found + 1] = { pcall(regex.gsub, "x", "x", a) }
  found[#found + 1] = { pcall(regex.gsub, "x", "x", "y", a) }
end
return #found
---- regex_of_every_kind
-- expect: harmless
local found = {}
for _, pattern in ipairs({ "", "(", ")", "[", "*", "(?", "(?P<a", "(?#", "\\", "a{2,1}", "a{99999999999}", "(?R)", "(?1)", "(?<=a*)b", "\\p{L}", "\\N{x}", "/a/e", "/a",
  "/a/iiiiiiii", "(?(1)a|b)", "[[:alpha:]]", "\0", "\255", "(?i:a)(?-i)", "(?:)" }) do
  found[#found + 1] = { pattern, pcall(regex.match, "a\255\0b", pattern) }
  found[#found + 1] = { pcall(regex.match_all, "aaa", pattern) }
  found[#found + 1] = { pcall(regex.gsub, "aaa", pattern, "$1\\1${x}$") }
end
print(found)
return found
---- row_spoofed
-- expect: value []
return setmetatable({}, { kind = "row", path = {}, columns = {}, state = { handle = 1, dirty = {}, blocks = {}, loose = {} } })
---- row_spoofed_and_touched
-- expect: harmless
local row = setmetatable({}, { kind = "row", path = { "a" }, columns = {}, state = { handle = 1, dirty = {}, blocks = {}, loose = {} } })
print(row, next(row), rawlen(row), pcall(json.encode, row), pcall(table.concat, row))
for _ in pairs(row) do end
row.x = 1
return row
---- shape_spoofed
-- expect: value {"a": 1}
return setmetatable({ a = 1 }, { kind = "record", keys = { "a", "b" }, nulls = { b = true }, has = {}, quoted = { '"a":1},{"evil":', '"b":' } })
---- type_spoofed
-- expect: value [[1]]
return setmetatable({ { 1 } }, { kind = "list", type = { root = true, name = { "heroku.list_apps" } } })
---- type_spoofed_by_a_real_name
-- expect: value {"a": 1}
return setmetatable({ a = 1 }, { kind = "record", type = { root = true, name = "heroku.list_apps" }, keys = {}, nulls = {}, has = {}, quoted = {} })
