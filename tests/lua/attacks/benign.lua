---- a_million_steps
-- expect: value 500000500000
local s = 0
for i = 1, 1000000 do s = s + i end
return s
---- apps_by_stack
-- expect: value true
local groups, total = {}, 0
local apps = app.integrations.heroku.list_apps({})
for _, one in ipairs(apps) do groups[one.stack.name] = (groups[one.stack.name] or 0) + 1 end
for _, n in pairs(groups) do total = total + n end
return total == #apps and groups["heroku-24"] ~= nil
---- apps_changed_by_the_script
-- expect: value ["MY-APP", "mine"]
local one = app.integrations.heroku.get_app("my-app")
one.name = one.name:upper()
one.note = "mine"
return { one.name, one.note }
---- apps_counted
-- expect: value true
local apps, n = app.integrations.heroku.list_apps({}), 0
for _ in ipairs(apps) do n = n + 1 end
return n == #apps and n > 5
---- apps_filtered_stay_records
-- expect: value true
local found = {}
for _, one in ipairs(app.integrations.heroku.list_apps({})) do if one.stack.name == "heroku-24" then found[#found + 1] = one end end
local dynos = app.integrations.heroku.list_dynos({ app_id = found })
return #found > 0 and #dynos >= 0
---- apps_sorted_and_joined
-- expect: value true
local apps = app.integrations.heroku.list_apps({})
table.sort(apps, function(a, b) return a.name < b.name end)
for i = 2, #apps do if apps[i - 1].name > apps[i].name then return false end end
local line = apps[1].name .. " runs on " .. apps[1].stack .. (apps[1].archived_at or "")
return line:find(" runs on heroku", 1, true) ~= nil and apps[1].stack:upper() == tostring(apps[1].stack):upper()
---- apps_that_do_not_exist
-- expect: values [false, "string", "refused", 404, "not_found", false]
local ok, text, facts = pcall(app.integrations.heroku.get_app, "no-such-app")
return ok, type(text), facts.type, facts.status, facts.id, facts.retryable
---- arithmetic
-- expect: values [7, -4, 3, 2.5, 8.0, -2, 1, 3.7]
return 1 + 2 * 3, -7 // 2, 7 // 2, 5 / 2, 2 ^ 3, -(2), -7 % 2, 3.7
---- asserts
-- expect: values [1, "attack.lua:2: no" ]
return (assert(1, "no")), (select(2, pcall(function() assert(false, "no") end)))
---- bits
-- expect: values [8, 14, 6, -2, 16, 1, -1]
return 12 & 10, 12 | 10, 12 ~ 10, ~1, 1 << 4, 16 >> 4, 0xffffffffffffffff | 0
---- closing_in_order
-- expect: output "b\na\n"; value "done"
local function closer(name) return setmetatable({}, { __close = function() print(name) end }) end
do
  local a <close> = closer("a")
  local b <close> = closer("b")
end
return "done"
---- closing_on_errors
-- expect: values [false, "attack.lua:7: broken", ["closed", "attack.lua:7: broken"]]
local log = {}
local function work()
  local held <close> = setmetatable({}, { __close = function(_, problem) log = { "closed", problem } end })
  local one = 1
  if one then
    error("broken") end
end
local ok, problem = pcall(work)
return ok, problem, log
---- closures_count
-- expect: values [1, 2, 1, 3]
local function counter() local n = 0 return function() n = n + 1 return n end end
local a, b = counter(), counter()
return a(), a(), b(), a()
---- closures_in_loops_are_separate
-- expect: value [1, 2, 3]
local t = {}
for i = 1, 3 do t[i] = function() return i end end
return { t[1](), t[2](), t[3]() }
---- comment_that_looks_like_code
-- expect: values [1, 2]
local first = 1 -- keep;f()
local second = 2 --[[ ; g() ]]
-- next cell
return first, second
---- comparison_events
-- expect: values [true, false, true, ["a", "b", "c"]]
local events = { __lt = function(a, b) return a.v < b.v end, __le = function(a, b) return a.v <= b.v end }
local function box(v) return setmetatable({ v = v }, events) end
local list = { box("c"), box("a"), box("b") }
table.sort(list)
return box(1) < box(2), box(2) <= box(1), box(1) <= box(1), { list[1].v, list[2].v, list[3].v }
---- constants
-- expect: values [3, true]
local limit <const> = 3
return limit, load("local x <const> = 1; x = 2") == nil
---- coroutine_conversation
-- expect: values [true, 1, true, 7, true, "end", "dead", false, "cannot resume dead coroutine"]
local thread = coroutine.create(function(a)
  local b = coroutine.yield(a)
  local _ = coroutine.yield(a + b)
  return "end"
end)
local ok1, v1 = coroutine.resume(thread, 1)
local ok2, v2 = coroutine.resume(thread, 6)
local ok3, v3 = coroutine.resume(thread)
return ok1, v1, ok2, v2, ok3, v3, coroutine.status(thread), coroutine.resume(thread)
---- coroutine_errors_and_closing
-- expect: values [false, "attack.lua:2: inside", true, "closed"]
local bad = coroutine.create(function() error("inside") end)
local ok, problem = coroutine.resume(bad)
local state = "open"
local held = coroutine.create(function()
  local x <close> = setmetatable({}, { __close = function() state = "closed" end })
  coroutine.yield()
end)
coroutine.resume(held)
return ok, problem, coroutine.close(held), state
---- coroutine_generator
-- expect: value [1, 4, 9, 16]
local function squares(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i * i) end end) end
local t = {}
for v in squares(4) do t[#t + 1] = v end
return t
---- coroutine_permutations
-- expect: value ["abc", "acb", "bac", "bca", "cab", "cba"]
local function permute(list, n)
  if n == 0 then coroutine.yield(table.concat(list)) return end
  for i = 1, n do
    list[n], list[i] = list[i], list[n]
    permute(list, n - 1)
    list[n], list[i] = list[i], list[n]
  end
end
local all = {}
for p in coroutine.wrap(function() permute({ "a", "b", "c" }, 3) end) do all[#all + 1] = p end
table.sort(all)
return all
---- coroutine_producer_and_consumer
-- expect: output "1: one\n2: two\n"; nothing
local function producer() return coroutine.wrap(function() for _, w in ipairs({ "one", "two" }) do coroutine.yield(w) end end) end
local function numbered(source)
  return coroutine.wrap(function() local n = 0 for w in source do n = n + 1 coroutine.yield(("%d: %s"):format(n, w)) end end)
end
for line in numbered(producer()) do print(line) end
---- coroutine_yields_through_pcall
-- expect: values ["in", "out", "end"]
local step = coroutine.wrap(function()
  pcall(function() coroutine.yield("in") end)
  for _ in pairs({ 1 }) do coroutine.yield("out") end
  return "end"
end)
return step(), step(), step()
---- coroutines_by_the_thousand
-- expect: value 5000
local sum = 0
for i = 1, 5000 do sum = sum + coroutine.wrap(function() coroutine.yield(1) end)() end
return sum
---- dates
-- expect: values ["2024-02-29 12:00:00", 86400.0, 60, 3]
local time = os.time({ year = 2024, month = 2, day = 29, hour = 12 })
return os.date("%Y-%m-%d %H:%M:%S", time), os.difftime(time + 86400, time), os.date("*t", time).yday, os.time({ year = 2024, month = 14, day = 1 }) and 3
---- deep_recursion_that_ends
-- expect: value 10000
local function depth(n) if n == 0 then return 0 end return 1 + depth(n - 1) end
return depth(10000)
---- defaults_and_proxies
-- expect: values [0, "set x", 5, 2]
local log
local defaults = setmetatable({}, { __index = function() return 0 end })
local proxy = setmetatable({}, { __newindex = function(t, k, v) log = "set " .. k rawset(t, k, v) end })
proxy.x = 5
local n = 0
for _ in pairs(setmetatable({}, { __pairs = function() return next, { 1, 2 }, nil end })) do n = n + 1 end
return defaults.missing, log, rawget(proxy, "x"), n
---- dumping_returns_its_value
-- expect: output "{ x: [1, 2] }\n"; value {"x": [1, 2]}
return dump({ x = { 1, 2 } })
---- error_handlers
-- expect: values [false, "handled: attack.lua:2: oops"]
return xpcall(function() error("oops") end, function(e) return "handled: " .. e end)
---- errors_count_their_results
-- expect: values [2, 2, 2, 4]
return select("#", pcall(error, "x")), select("#", xpcall(error, function(e) return e end, "x")),
  select("#", coroutine.resume(coroutine.create(error), "x")), select("#", pcall(function() return 1, 2, 3 end))
---- errors_printed
-- expect: output "false\tx\n"; nothing
print(pcall(error, "x"))
---- errors_with_levels
-- expect: values ["attack.lua:4: bad", "bad", "attack.lua:3: bad"]
local function check(level)
  error("bad", level) end
local function caller(level) check(level) end
local function message(level) return (select(2, pcall(caller, level))) end
return message(2), message(0), message(1)
---- errors_with_tables
-- expect: values [false, 42, "E_CODE"]
local ok, problem = pcall(error, { code = 42, name = "E_CODE" })
return ok, problem.code, problem.name
---- failures_collected
-- expect: values [true, 1]
local rows, failures = app.integrations.heroku.list_dynos({ app_id = { "my-app", "no-such-app" }, errors = "collect" })
return #rows > 0, #failures
---- fibonacci
-- expect: value 832040
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local memo = {}
local function fast(n)
  if n < 2 then return n end
  memo[n] = memo[n] or fast(n - 1) + fast(n - 2)
  return memo[n]
end
assert(fib(16) == 987)
return fast(30)
---- floats_meet_integers
-- expect: values [true, true, false, 1, "x"]
local t = { [1] = "x" }
return 1 == 1.0, math.type(2 ^ 53) == "float", 1 == "1", #{ n = 1, 10 }, t[1.0]
---- frontier_and_balance
-- expect: values ["(a(b)c)", "THE (quick) fox", 4]
return ("x(a(b)c)y"):match("%b()"), (("the (quick) fox"):gsub("%f[%w]the%f[%W]", "THE")), (("word"):find("%f[%z]")) and 4
---- globals_and_locals_live_on
-- expect: values [1, 2, 4, 3]
x = 1
local y = 2
local function bump() y = y + 1 return y end
local z = y
-- next cell
return x, z, (function() bump() return bump() end)(), y - 1
---- gmatch_reads_csv
-- expect: value [["a", "b", ""], ["1", "", "3"]]
local rows = {}
for line in ("a,b,\n1,,3\n"):gmatch("[^\n]+") do
  local row = {}
  for cell in (line .. ","):gmatch("([^,]*),") do row[#row + 1] = cell end
  rows[#rows + 1] = row
end
return rows
---- goto_continue
-- expect: value [1, 3, 5]
local odd = {}
for i = 1, 5 do
  if i % 2 == 0 then goto continue end
  odd[#odd + 1] = i
  ::continue::
end
return odd
---- gsub_in_three_ways
-- expect: values ["h3ll0 w0rld", "<hello> <world>", "HELLO world"]
local function second(s) return s end
return (("hello world"):gsub("[eo]", { e = "3", o = "0" })), (("hello world"):gsub("%w+", "<%0>")),
  second((("hello world"):gsub("%w+", string.upper, 1)))
---- hidden_value
-- expect: values [6]
2 * 3;
---- inheritance
-- expect: values ["Rex says woof", "Generic says ..."]
local Animal = {}
Animal.__index = Animal
function Animal.new(name) return setmetatable({ name = name }, Animal) end
function Animal:sound() return "..." end
function Animal:speak() return self.name .. " says " .. self:sound() end
local Dog = setmetatable({}, { __index = Animal })
Dog.__index = Dog
function Dog:sound() return "woof" end
return setmetatable(Animal.new("Rex"), Dog):speak(), Animal.new("Generic"):speak()
---- input_ends
-- expect: values [null, ""]
return io.read(), io.read("a")
---- integer_division_and_modulo
-- expect: values [-4, 1, -3, -1, 0.5, 3.0]
return -7 // 2, -7 % 2, 7 // -3, 7 % -2, 5.5 % 1, 7 // 2.0
---- integers_wrap
-- expect: values [true, -9223372036854775808, "integer", "float"]
return math.maxinteger + 1 == math.mininteger, math.maxinteger + 1, math.type(1), math.type(1.0)
---- iteration_orders
-- expect: values [6, 2, null, "abc"]
local sum, keys = 0, {}
for _, v in ipairs({ 1, 2, 3, nil, 5 }) do sum = sum + v end
local t = { a = 1, b = 2, c = 3 }
for k in pairs(t) do keys[#keys + 1] = k end
table.sort(keys)
for k in pairs(t) do if k ~= "b" then t[k] = nil end end
return sum, t.b, (next({})), table.concat(keys)
---- json_errors_name_the_place
-- expect: error ~ "a.b[2]: a function has no JSON form"
return json.encode({ a = { b = { 1, print } } })
---- json_kinds
-- expect: values ["[]", "{}", "null", "[\n  1,\n  null\n]"]
return json.encode(json.array({})), json.encode(json.object({})), json.encode(json.null), json.encode({ 1, json.null })
---- json_round_trip
-- expect: values [{"b": 1, "a": [1, 2.5, null, "x"], "e": {}, "l": [], "n": null}, true]
local text = '{"b":1,"a":[1,2.5,null,"x"],"e":{},"l":[],"n":null}'
local value = json.decode(text)
return value, json.encode(json.decode(json.encode(value))) == json.encode(value)
---- last_expression_is_the_value
-- expect: value 6
local a, b = 2, 3
a * b
---- load_compiles
-- expect: values [3, "[string \"return +\"]:1: unexpected symbol near '+'", 5, null]
local f, problem = load("return +")
return load("return 1 + 2")(), problem, load("return x", "chunk", "t", { x = 5 })(), f
---- load_reads_pieces
-- expect: value 42
local pieces, n = { "return ", "4", "2" }, 0
return load(function() n = n + 1 return pieces[n] end)()
---- long_strings_and_escapes
-- expect: values ["line one\nline two", "tab\there", "AZ", "é", "[[x]]", "joined"]
return [[
line one
line two]], "tab\there", "\65\x5A", "\u{E9}", [==[[[x]]]==], "join\z
    ed"
---- longest_common_subsequence
-- expect: value 4
local a, b, t = "AGGTAB", "GXTXAYB", {}
for i = 0, #a do t[i] = {} for j = 0, #b do
  t[i][j] = (i == 0 or j == 0) and 0 or a:byte(i) == b:byte(j) and t[i - 1][j - 1] + 1 or math.max(t[i - 1][j], t[i][j - 1])
end end
return t[#a][#b]
---- mandelbrot
-- expect: value "  .@  \n .@@. \n@@@@. "
local shown = {}
for y = -1, 1 do
  local line = {}
  for x = -3, 2 do
    local cr, ci, zr, zi, n = x * 0.5, y * 0.5 - 0.5, 0, 0, 0
    while n < 30 and zr * zr + zi * zi < 4 do zr, zi, n = zr * zr - zi * zi + cr, 2 * zr * zi + ci, n + 1 end
    line[#line + 1] = n >= 30 and "@" or n > 8 and "#" or n > 3 and "." or " "
  end
  shown[#shown + 1] = table.concat(line)
end
return table.concat(shown, "\n")
---- many_locals
-- expect: value 190
local t = {}
for i = 1, 190 do t[i] = ("local v%d = 1 "):format(i) end
return load(table.concat(t) .. "return " .. ("v1 + "):rep(189) .. "v190")()
---- mathematics
-- expect: values [3, 4, 3, -3, 2.0, 7, true, 8, 3, 0.5]
return math.floor(3.7), math.ceil(3.2), math.tointeger(3.0), math.floor(-2.5), math.sqrt(4), math.max(3, 7, 5), math.ult(1, -1),
  math.abs(-8), (math.modf(3.5)), (select(2, math.modf(3.5)))
---- matrix_product
-- expect: value 328350
local n, a = 100, {}
for i = 1, n do a[i] = {} for j = 1, n do a[i][j] = i == j and i - 1 or 0 end end
local trace = 0
for i = 1, n do
  local s = 0
  for k = 1, n do s = s + a[i][k] * a[k][i] end
  trace = trace + s
end
return trace
---- memory_is_told
-- expect: values ["number", true, 0]
local before = collectgarbage("count")
local t = {}
for i = 1, 10000 do t[i] = {} end
return type(before), collectgarbage("count") > before, collectgarbage()
---- names_are_checked_for_joins
-- expect: error ~ "attempt to concatenate a nil value (local 'missing')"
local missing
return "x" .. missing
---- numbers_as_texts
-- expect: values ["1", "1.0", "-0.0", "1e+100", "inf", "0.1", "3.14"]
return tostring(1), tostring(1.0), tostring(-0.0), tostring(1e100), tostring(math.huge), tostring(0.1), 3.14 .. ""
---- numbers_from_texts
-- expect: values [255, 10, 3, 0.1, null, 16, 15, 35]
return tonumber("0xff"), tonumber("  10  "), "1" + 2, tonumber("1e-1"), tonumber("10x"), 0x10, tonumber("1111", 2), tonumber("z", 36)
---- numeric_for_with_floats
-- expect: value [1.0, 1.5, 2.0]
local t = {}
for x = 1.0, 2.0, 0.5 do t[#t + 1] = x end
return t
---- own_concat_event_on_the_right_of_nil
-- expect: value "joined"
return nil .. setmetatable({}, { __concat = function() return "joined" end })
---- packing_with_nils
-- expect: values [3, 4, null]
local packed = table.pack(nil, 2, nil)
return packed.n, (select("#", table.unpack(packed, 1, 4))), (select(2, table.unpack(packed, 2)))
---- pages_read
-- expect: value true
return docs.read("heroku.list_apps"):find("list_apps", 1, true) ~= nil and #docs.list() > 0 and #docs.search("dyno") > 0
---- parallel_closes_what_it_gives_up
-- expect: values [false, ["1", "2", "3"]]
local closed = {}
local ok = pcall(parallel.map, { 1, 2, 3 }, function(n)
  local held <close> = setmetatable({}, { __close = function() closed[#closed + 1] = tostring(n) end })
  app.integrations.heroku.get_app(n == 1 and "no-such-app" or "my-app")
  while true do app.integrations.heroku.get_app("my-app") end
end)
table.sort(closed)
return ok, closed
---- parallel_counts_at_once
-- expect: value 3
local now, most = 0, 0
parallel.map({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, function()
  now = now + 1
  most = math.max(most, now)
  app.integrations.heroku.get_app("my-app")
  now = now - 1
end, { limit = 3 })
return most
---- parallel_error_names_the_item
-- expect: error ~ "attack.lua:3: item 2: two is one too many"
parallel.map({ 1, 2 }, function(n)
  if n == 2 then error("two is one too many") end
end)
---- parallel_failures_collected
-- expect: values [["my-app"], [[2, 404, "not_found", "refused"], [3, null, null, "lua_runtime"]]]
local names, failures = parallel.map({ "my-app", "no-such-app", "" }, function(name)
  if name == "" then error("no name") end
  return app.integrations.heroku.get_app(name).name
end, { errors = "collect" })
local told = {}
for i, one in ipairs(failures) do told[i] = { one.index, one.status or json.null, one.id or json.null, one.type } end
return names, told
---- parallel_fifty_deep
-- expect: value "my-app"
local function deep(n)
  if n == 0 then return app.integrations.heroku.get_app("my-app").name end
  return parallel.map({ n }, function(m) return deep(m - 1) end)[1]
end
return deep(50)
---- parallel_in_order
-- expect: value ["address-checker", "my-app", 2]
local heroku = app.integrations.heroku
local names = parallel.map({ "address-checker", "my-app" }, function(name, place)
  return { name = heroku.get_app({ app_id = name }).name, place = place }
end)
return { names[1].name, names[2].name, names[2].place }
---- parallel_in_pcall_with_facts
-- expect: values [false, "refused", 404, true]
local ok, text, facts = pcall(parallel.map, { "my-app", "no-such-app" }, app.integrations.heroku.get_app)
return ok, facts.type, facts.status, text:find("item 2: heroku.get_app", 1, true) ~= nil
---- parallel_nested
-- expect: value [["1.1", "1.2"], ["2.1", "2.2"]]
local heroku = app.integrations.heroku
return parallel.map({ 1, 2 }, function(a)
  return parallel.map({ 1, 2 }, function(b)
    heroku.get_app("my-app")
    return a .. "." .. b
  end, { limit = 1 })
end)
---- parallel_nil_is_null
-- expect: values [[1, null, 3], 3, true]
local made = parallel.map({ 1, 2, 3 }, function(n) if n ~= 2 then return n end end)
return made, #made, made[2] == json.null
---- parallel_of_nothing
-- expect: values [[], 0, null]
local empty = parallel.map({}, error)
return empty, #empty, empty[1]
---- parallel_records_stay_records
-- expect: values ["my-app", "my-app on heroku-24", ""]
local made = parallel.map({ "my-app" }, app.integrations.heroku.get_app)
return made[1].name, made[1].name .. " on " .. made[1].stack, made[1].archived_at .. ""
---- parallel_thirty_thousand
-- expect: values [30000, 60000]
local list = {}
for i = 1, 30000 do list[i] = i end
local made = parallel.map(list, function(n) return n + n end)
return #made, made[#made]
---- parallel_where_lua_cannot_yield
-- expect: values [["a", "b", "c"], "<my-app> <my-app>"]
local heroku = app.integrations.heroku
local both = parallel.map({ 1, 2 }, function(n)
  if n == 1 then
    local letters = { "c", "a", "b" }
    table.sort(letters, function(a, b) heroku.get_app("my-app") return a < b end)
    return letters
  end
  return (("x x"):gsub("x", function() return "<" .. parallel.map({ 1 }, function() return heroku.get_app("my-app").name end)[1] .. ">" end))
end)
return both[1], both[2]
---- parallel_with_generators
-- expect: value ["my-app 1 my-app 2", "my-app 1 my-app 2"]
local heroku = app.integrations.heroku
local function said(count)
  return coroutine.wrap(function()
    for i = 1, count do coroutine.yield(heroku.get_app("my-app").name .. " " .. i) end
  end)
end
return parallel.map({ 1, 2 }, function()
  local all = {}
  for text in said(2) do all[#all + 1] = text end
  return table.concat(all, " ")
end)
---- pattern_on_a_megabyte
-- expect: values [500001, 1000000]
local text = ("ab"):rep(500000) .. "12345"
local digits = text:match("%d+$")
local s = text:find("b", 1000000, true)
return #(text:gsub("[^b]", "")) + 1 - #digits + 5, s
---- patterns
-- expect: values [3, 5, "llo", "key", "value", "2024", 2]
local s, e, c = ("hello"):find("(llo)")
local k, v = ("key = value"):match("^(%w+)%s*=%s*(%w+)$")
return s, e, c, k, v, ("2024-05-01"):match("%d+"), (select(2, ("banana"):gsub("an", "AN")))
---- printing
-- expect: output "1\t2.5\ttrue\tnil\ttext\n{ a: 1, b: [1, 2, \"x\"] }\n[]\n"; nothing
print(1, 2.5, true, nil, "text")
print({ a = 1, b = { 1, 2, "x" } })
print(json.array({}))
---- queens
-- expect: value 92
local n, count, cols, up, down = 8, 0, {}, {}, {}
local function place(row)
  if row > n then count = count + 1 return end
  for c = 1, n do
    if not (cols[c] or up[row + c] or down[row - c + n]) then
      cols[c], up[row + c], down[row - c + n] = true, true, true
      place(row + 1)
      cols[c], up[row + c], down[row - c + n] = nil, nil, nil
    end
  end
end
place(1)
return count
---- queue_and_stack
-- expect: value [1, 2, 5, 3]
local queue, first, last, out = {}, 1, 0, {}
for v = 1, 3 do last = last + 1 queue[last] = v end
for _ = 1, 2 do out[#out + 1] = queue[first] queue[first] = nil first = first + 1 end
local stack = { 4, 5 }
out[#out + 1] = table.remove(stack)
out[#out + 1] = queue[first]
return out
---- quicksort
-- expect: value [1, 1, 2, 3, 3, 4, 5, 5, 5, 6, 9]
local function sorted(list)
  if #list < 2 then return list end
  local pivot, less, same, more = list[1], {}, {}, {}
  for _, v in ipairs(list) do
    local into = v < pivot and less or v == pivot and same or more
    into[#into + 1] = v
  end
  local out = {}
  for _, part in ipairs({ sorted(less), same, sorted(more) }) do table.move(part, 1, #part, #out + 1, out) end
  return out
end
return sorted({ 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5 })
---- raw_access
-- expect: values [null, 1, 2, true, false]
local t = setmetatable({ 1, 2 }, { __index = function() return "x" end, __len = function() return 99 end })
return rawget(t, 5), rawget(t, 1), rawlen(t), rawequal(t, t), rawequal(t, {})
---- result_of_a_hundred_thousand
-- expect: value true
local t = {}
for i = 1, 100000 do t[i] = i end
Big = t
-- next cell
return #Big == 100000 and Big[100000] == 100000
---- results_of_every_kind
-- expect: values [1, 1.5, "text", true, null, [1, "a"], {"k": {"n": [[]]}}]
return 1, 1.5, "text", true, nil, { 1, "a" }, { k = { n = { {} } } }
---- runtime_errors_name_the_variable
-- expect: values ["attack.lua:2: attempt to index a nil value (global 'nothing')", "attack.lua:3: attempt to perform arithmetic on a nil value (field 'y')"]
local a = select(2, pcall(function() return nothing.x end))
local b = select(2, pcall(function() local t = {} return t.y + 1 end))
return a, b
---- shadowed_builtins_in_locals
-- expect: value "mine: x"
local function report(print) return print("x") end
local tostring = function(v) return "mine: " .. v end
return report(tostring)
---- sieve
-- expect: value 9592
local composite, count = {}, 0
for i = 2, 100000 do
  if not composite[i] then
    count = count + 1
    for j = i * i, 100000, i do composite[j] = true end
  end
end
return count
---- string_building
-- expect: value 588895
local parts = {}
for i = 1, 100000 do parts[i] = tostring(i) end
return #table.concat(parts, ",") + 1
---- string_format
-- expect: value "007|3.14|ff|  x|y  |\"q\\n\"|1e+10|%|-5|0x1p+4"
return ("%03d|%.2f|%x|%3s|%-3s|%q|%g|%%|%i|%a"):format(7, 3.14159, 255, "x", "y", "q\n", 1e10, -5, 16):gsub("\\\n", "\\n"), nil
---- string_pack
-- expect: values [1, 513, "hey", 12]
local bytes = string.pack("<i1 i2 s4 x", 1, 513, "hey")
local a, b, c, after = string.unpack("<i1 i2 s4 x", bytes)
return a, b, c, after
---- strings
-- expect: values ["HELLO", "olleh", 5, "ell", 104, "hi", "ababab", "a-a"]
local s = "hello"
return s:upper(), s:reverse(), #s, s:sub(2, 4), s:byte(), string.char(104, 105), ("ab"):rep(3), ("a"):rep(2, "-")
---- table_functions
-- expect: values ["a,b,c", [1, 9, 2, 3], 9, 3, [3, 4, 5, 4, 5]]
local t = { 1, 2, 3 }
table.insert(t, 2, 9)
local copy = table.move({ 1, 2, 3, 4, 5 }, 3, 5, 1)
return table.concat({ "a", "b", "c" }, ","), { table.unpack(t) }, table.remove(t, 2), #t, copy
---- table_sort_of_ten_thousand
-- expect: value true
local t, seed = {}, 42
for i = 1, 10000 do seed = (seed * 1103515245 + 12345) % 2147483648 t[i] = seed end
table.sort(t)
for i = 2, #t do if t[i - 1] > t[i] then return false end end
return true
---- table_sort_with_a_comparator
-- expect: value ["ccc", "bb", "a"]
local t = { "a", "ccc", "bb" }
table.sort(t, function(x, y) return #x > #y end)
return t
---- tail_calls_without_end_of_stack
-- expect: value "done"
local function loop(n) if n == 0 then return "done" end return loop(n - 1) end
return loop(200000)
---- utf8_functions
-- expect: values [4, 233, "é", 3, [97, 233, 8364, 128512]]
local text, codes = "aé€😀", {}
for _, code in utf8.codes(text) do codes[#codes + 1] = code end
return utf8.len(text), utf8.codepoint(text, 2), utf8.char(233), utf8.offset("aé", 3) - 1, codes
---- varargs
-- expect: values [3, 6, "c", "b"]
local function sum(...) local s = 0 for _, v in ipairs({ ... }) do s = s + v end return select("#", ...), s end
local n, s = sum(1, 2, 3)
return n, s, (select(-1, "a", "b", "c")), (select(2, "a", "b", "c"))
---- vectors_by_metatables
-- expect: values [4, 6, true, "(4, 6)", 2, 11, "v(1, 2)"]
local Vector = {}
Vector.__index = Vector
local function vector(x, y) return setmetatable({ x = x, y = y }, Vector) end
function Vector.__add(a, b) return vector(a.x + b.x, a.y + b.y) end
function Vector.__eq(a, b) return a.x == b.x and a.y == b.y end
function Vector.__tostring(v) return ("(%d, %d)"):format(v.x, v.y) end
function Vector.__len() return 2 end
function Vector.__call(v, other) return v.x * other.x + v.y * other.y end
function Vector.__concat(a, b) return tostring(a) .. tostring(b) end
local sum = vector(1, 2) + vector(3, 4)
return sum.x, sum.y, sum == vector(4, 6), tostring(sum), #sum, vector(1, 2)(vector(3, 4)), "v" .. vector(1, 2)
---- weak_tables
-- expect: value 0
local weak, n = setmetatable({}, { __mode = "k" }), 0
for _ = 1, 100 do weak[{}] = true end
collectgarbage()
for _ in pairs(weak) do n = n + 1 end
return n
---- word_frequency
-- expect: value {"the": 3, "cat": 2, "saw": 1, "and": 1}
local counts = {}
for word in ("the cat saw the cat and the"):gmatch("%a+") do counts[word] = (counts[word] or 0) + 1 end
return counts
---- writing
-- expect: output "a1b2.5\nline\n"; nothing
io.write("a", 1, "b", 2.5, "\n")
local _ = io.stdout:write("line"):write("\n")
