---- account_by_the_variables_name
-- expect: error ~ "HEROKU_API_KEY_CANARY"
return app.integrations.heroku.HEROKU_API_KEY_CANARY.list_apps({})
---- account_in_an_argument
-- expect: error ~ "account"
return app.integrations.heroku.list_apps({ account = "canary", token = "x", url = "http://127.0.0.1:9" })
---- account_named_like_a_python_attribute
-- expect: error ~ "Did you mean"
return app.integrations.heroku.__class__.__init__.__globals__
---- account_of_another
-- expect: error ~ "account canary"
return app.integrations.heroku.canary.list_apps({})
---- account_of_another_in_pcall
-- expect: harmless
local ok, text, facts = pcall(app.integrations.heroku.canary.list_apps, {})
print(ok, text, facts)
return ok, text, facts
---- account_printed
-- expect: harmless
print(app.integrations.heroku.canary, app.integrations.heroku.default, app)
for key, value in pairs(app.integrations.heroku.canary) do print(key, value) end
return app.integrations.heroku.canary
---- arguments_named_like_formats
-- expect: error ~ "no argument"
return app.integrations.heroku.get_app({ app_id = "my-app", ["{token}"] = "{0}", ["%s%s%s"] = "%n" })
---- arguments_named_like_python
-- expect: error ~ "no argument"
return app.integrations.heroku.get_app({ app_id = "my-app", self = 1, __class__ = 1, headers = { Authorization = "x" }, args = {} })
---- command_line
-- expect: harmless
return ..., select("#", ...), arg and arg[0]
---- coroutines_without_a_script_above_them
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
---- documents_by_path
-- expect: error ~ "no page"
return docs.read("/etc/passwd")
---- documents_by_pattern
-- expect: harmless
return docs.search(".*"), pcall(docs.read, "*"), docs.search("(a+)+$"), docs.search("HEROKU_API_KEY HRKU canary token")
---- documents_of_everything
-- expect: harmless
print(docs.list(), docs.read(), docs.read(""), docs.search(""))
return docs.list()
---- documents_outside
-- expect: error ~ "no page"
return docs.read("../../../../proc/self/environ")
---- environment_of_the_process
-- expect: harmless
local found = {}
for _, path in ipairs({ "/proc/self/environ", "/proc/1/environ", "/proc/self/cmdline", "/etc/passwd", "~/.netrc" }) do
  for _, open in ipairs({ io.open or false, io.lines or false, loadfile or false, dofile or false, require or false }) do
    if open then found[#found + 1] = { pcall(open, path) } end
  end
end
return found
---- environment_variables
-- expect: harmless
return os.getenv and os.getenv("HEROKU_API_KEY"), os.environ, _ENV.HEROKU_API_KEY, arg
---- error_function
-- expect: error ~ "function"
error(print)
---- error_in_a_function_with_an_odd_name
-- expect: error ~ "x"
local t = { ["\255\27[31m"] = function() error("x") end }
t["\255\27[31m"]()
---- error_in_the_cell_at_every_level
-- expect: error ~ "x"
local function f() error("x", 7) end
local function g() f() end
g()
---- error_levels_in_callbacks
-- expect: harmless
local found = {}
for level = 0, 30 do
  found[#found + 1] = { pcall(table.sort, { 3, 2, 1 }, function() error("sort", level) end) }
  found[#found + 1] = { pcall(string.gsub, "x", "x", function() error("gsub", level) end) }
  found[#found + 1] = { pcall(function() return app.integrations.heroku.get_app(setmetatable({}, { __index = function() error("x", level) end })) end) }
  found[#found + 1] = { pcall(tostring, setmetatable({}, { __tostring = function() error("tostring", level) end })) }
  found[#found + 1] = { pcall(print, setmetatable({}, { __tostring = function() error("print", level) end })) }
  found[#found + 1] = { pcall(load, function() error("load", level) end) }
  found[#found + 1] = { pcall(coroutine.wrap(function() error("wrap", level) end)) }
end
print(found)
return found
---- error_nil
-- expect: error ~ "nil"
error()
---- error_objects_of_every_kind
-- expect: error ~ "attack.lua:2: {"
error({ token = "?", message = setmetatable({}, { __tostring = error }) })
---- error_positions
-- expect: harmless
for level = -5, 60 do print(pcall(error, "x", level)) end
local function deep(n) if n == 0 then error("deep", 3) end deep(n - 1) end
return pcall(deep, 30)
---- error_that_is_no_text
-- expect: error ~ "attack.lua:2"
error("\255\254\0\27[31m")
---- error_thread
-- expect: error ~ "thread"
error(coroutine.create(print))
---- errors_of_every_kind
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
---- errors_that_only_a_close_handler_sees
-- expect: harmless
-- Nothing has protected the call yet when the handler is told what went wrong.
local found = {}
local function watch(f, ...)
  local arguments = table.pack(...)
  pcall(function()
    local held <close> = setmetatable({}, { __close = function(_, problem) found[#found + 1] = problem end })
    f(table.unpack(arguments, 1, arguments.n))
  end)
end
watch(setmetatable, app, {})
watch(rawset, app, 1, 1)
watch(coroutine.close, (coroutine.running()))
watch(coroutine.resume, 1)
watch(coroutine.wrap(error), "x", 2)
watch(table.move, {}, "x", {}, {})
watch(table.concat, { {} })
watch(table.unpack, {}, 1, 1e8)
watch(table.insert, {}, 5, 5)
watch(table.sort, { 1, "x", {} })
watch(string.rep, "x", 1e300)
watch(string.rep, "x", 1 << 40, "y")
watch(("x").gsub, "x", "x", "%9")
watch(json.decode, "{")
watch(json.encode, print)
watch(load, {})
watch(io.read, {})
watch(os.date, "%Ez")
watch(tostring, setmetatable({}, { __tostring = function() return 1 end }))
watch(next, {}, "x")
watch(regex.match, "x", "(")
watch(display.png, "x")
watch(app.integrations.heroku.get_app, {})
watch(docs.read, "\255")
print(table.concat(found, "\n"))
return found
---- field_that_is_no_text
-- expect: error ~ "nil value"
local t = {}
return t["\255"].x
---- function_named_like_a_format
-- expect: harmless
return pcall(function() return app.integrations.heroku["{self.session._services}"] end),
  pcall(function() return app.integrations.heroku["${HEROKU_API_KEY}"] end)
---- header_in_an_argument
-- expect: error ~ "app_id"
return app.integrations.heroku.get_app("my-app\r\nAuthorization: Bearer x\r\nX-Other: y")
---- integration_named_like_a_python_attribute
-- expect: harmless
return pcall(function() return app.integrations["__import__('os').environ"] end), pcall(function() return app.integrations["{0.__class__}"] end),
  pcall(function() return app.integrations["%(token)s"] end)
---- internal_names_of_functions
-- expect: harmless
return tostring(print), tostring(pcall), tostring(json.encode), tostring(app.integrations.heroku.list_apps), tostring(docs.read), tostring(io.write)
---- locals_of_the_cells_frame
-- expect: harmless
local x <const> = 1
return (function(...) return select("#", ...), ... end)(...)
---- look_alike_in_everything_shown
-- expect: harmless
local token = "HRKU-" .. "AAAAbbbbCCCC-dddd-1234"
display(token) display.html("<b>" .. token .. "</b>") display.markdown(token) display.json({ token }) display({ { name = token } })
pcall(app.integrations.heroku.get_app, token)
error({ token })
---- look_alike_of_a_token
-- expect: harmless
-- By shape it is a secret, whoever made it up.
print("HRKU-" .. "AAAAbbbbCCCC-dddd-1234", "Authorization: Bearer " .. ("x"):rep(40), "https://user:" .. "pass-word@example.com/")
return "HRKU-" .. "AAAAbbbbCCCC-dddd-1234"
---- misspelt_names_show_no_internals
-- expect: harmless
local found = {}
for _, name in ipairs({ "_caller", "session", "machine", "token", "tokens", "client", "environ", "self", "host", "native", "__dict__" }) do
  found[#found + 1] = { pcall(function() return app[name] end) }
  found[#found + 1] = { pcall(function() return app.integrations[name] end) }
  found[#found + 1] = { pcall(function() return app.integrations.heroku[name] end) }
end
print(found)
return found
---- names_in_messages_of_the_libraries
-- expect: harmless
local found = {}
for _, library in ipairs({ string, table, math, utf8, coroutine, os, json, io, docs }) do
  for name, f in pairs(library) do
    if type(f) == "function" and name ~= "yield" and name ~= "read" and name ~= "random" then
      found[#found + 1] = { name, select(2, pcall(f)), select(2, pcall(f, {}, {}, {})), select(2, pcall(f, -1, 1 << 62)) }
    end
  end
end
print(found)
return found
---- names_of_accounts_are_all_one_sees
-- expect: value []
local others = {}
for name, value in pairs(app.integrations.heroku) do
  if type(value) ~= "function" or not (name:find("^list_") or name:find("^get_")) then others[#others + 1] = name end
end
return others
---- regex_for_secrets
-- expect: harmless
return regex.match(docs.search("HEROKU_API_KEY"), "HRKU-[a-z0-9-]+"), pcall(regex.match, "x", "(?P<__class__>x)"), pcall(regex.gsub, "x", "x", "\\g<0>{0}%s$0")
---- time_of_day_is_all_of_the_clock
-- expect: value ["number", "number", "table", "string"]
return { type(os.time()), type(os.clock()), type(os.date("*t")), type(os.date()) }
