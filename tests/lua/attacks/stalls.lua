---- a_namespace_that_is_none
-- expect: harmless
return setmetatable({}, { kind = "namespace", path = "x", list = function() while true do end end })
---- arithmetic_loops
-- expect: limit cpu_limit; state kept
return 1 + setmetatable({}, { __add = function() while true do end end })
---- arithmetic_on_long_numerals
-- expect: harmless
local text = ("0"):rep(190) .. "1"
while true do local _ = text + text end
---- byte_and_char_of_many
-- expect: limit cpu_limit
local text = ("a"):rep(200000)
while true do string.char(text:byte(1, -1)) end
---- call_chain_of_tables
-- expect: harmless
local t = function() end
for _ = 1, 100000 do t = setmetatable({}, { __call = t }) end
while true do pcall(t) end
---- catalogue_listed_for_ever
-- expect: limit cpu_limit; state kept
while true do for _ in pairs(app.integrations.heroku) do end end
---- catalogue_printed_for_ever
-- expect: limit cpu_limit; state kept
while true do tostring(app.integrations.heroku) end
---- close_handler_after_the_stop
-- expect: limit cpu_limit; state kept
local function f()
  local held <close> = setmetatable({}, { __close = function()
    while true do pcall(function() while true do end end) end
  end })
  while true do end
end
pcall(f)
f()
---- close_handler_loops
-- expect: limit cpu_limit; state kept
do local held <close> = setmetatable({}, { __close = function() while true do end end }) end
---- close_handlers_a_thousand_deep
-- expect: limit cpu_limit
local slow = { __close = function() for _ = 1, 1e9 do end end }
local function f(n)
  local held <close> = setmetatable({}, slow)
  if n > 0 then f(n - 1) end
  while true do end
end
pcall(f, 50000)
---- close_handlers_open_close_handlers
-- expect: limit cpu_limit; state kept
local events = {}
function events.__close()
  local held <close> = setmetatable({}, events)
  while true do end
end
pcall(function()
  local held <close> = setmetatable({}, events)
  while true do end
end)
---- close_of_a_generic_for
-- expect: limit cpu_limit; state kept
for _ in next, {}, nil, setmetatable({}, { __close = function() while true do end end }) do end
---- close_that_belongs_to_another_coroutine
-- expect: limit cpu_limit; state kept
-- The stop is told to the close handler of a coroutine that was not stopped itself: it must be unable to change it.
pcall(function()
  local held <close> = setmetatable({}, { __close = function(_, problem)
    if type(problem) == "table" then problem.stop, problem.message, problem.line = "spoof", print, {} end
  end })
  coroutine.wrap(function() while true do end end)()
end)
---- collector_called_for_ever
-- expect: limit cpu_limit
local t = {}
for i = 1, 200000 do t[i] = { i } end
while true do collectgarbage() end
---- comparison_loops
-- expect: limit cpu_limit; state kept
local events = { __lt = function() while true do end end }
return setmetatable({}, events) < setmetatable({}, events)
---- comparison_of_megabytes
-- expect: limit cpu_limit
local a = ("a"):rep(4 << 20)
local b = a .. "b"
while true do local _ = a < b end
---- concat_of_a_table_that_lies_about_its_length
-- expect: limit cpu_limit|memory_limit
return table.concat(setmetatable({}, { __len = function() return 1 << 60 end, __index = function() return "" end }))
---- concat_over_a_huge_range
-- expect: harmless
return table.concat(setmetatable({}, { __index = function() return "" end }), "", math.mininteger, math.maxinteger)
---- concatenation_loops
-- expect: limit cpu_limit; state kept
return setmetatable({}, { __concat = function() while true do end end }) .. "x"
---- concatenation_of_megabytes
-- expect: limit cpu_limit|memory_limit
local text = ("a"):rep(4 << 20)
while true do local _ = text .. "b" end
---- coroutine_closed_for_ever
-- expect: limit cpu_limit; state kept
local endless = setmetatable({}, { __close = function() while true do end end })
local thread = coroutine.create(function()
  local held <close> = endless
  coroutine.yield()
end)
coroutine.resume(thread)
while true do coroutine.close(thread) end
---- coroutine_loops
-- expect: limit cpu_limit; state kept
coroutine.wrap(function() while true do end end)()
---- coroutine_resumes_in_pcall
-- expect: limit cpu_limit; state kept
while true do
  pcall(coroutine.wrap(function() pcall(function() while true do end end) end))
end
---- coroutine_yields_for_ever
-- expect: limit cpu_limit; state kept
local step = coroutine.wrap(function() while true do coroutine.yield() end end)
while true do step() end
---- coroutines_each_below_the_count
-- expect: limit cpu_limit; state kept
while true do
  coroutine.wrap(function() for _ = 1, 900 do end end)()
end
---- coroutines_multiply
-- expect: limit cpu_limit; state kept
local function f(depth)
  if depth == 0 then return end
  for _ = 1, 60 do coroutine.wrap(f)(depth - 1) end
end
f(8)
---- coroutines_nested_each_below_the_count
-- expect: limit cpu_limit; state kept
local function f(depth)
  if depth == 0 then for _ = 1, 800 do end return end
  for _ = 1, 30 do coroutine.wrap(f)(depth - 1) end
end
f(7)
---- date_with_a_long_format
-- expect: harmless
while true do os.date(("%c"):rep(100000)) end
---- display_for_ever
-- expect: harmless
while true do display({ 1, 2, 3 }) end
---- display_of_a_fence_without_end
-- expect: value 1
display.markdown(("~"):rep(1000000) .. "`")
return 1
---- display_of_a_loop
-- expect: limit cpu_limit; state kept
display(setmetatable({}, { __tostring = function() while true do end end }))
while true do end
---- display_of_a_tag_without_end
-- expect: value 1
display.html("<" .. ("a"):rep(1000000))
return 1
---- display_of_formulas_without_end
-- expect: harmless
for _, part in ipairs({ "$\\frac{", "{", "\\left(", "x^{", "&", "\\\\", "$a$ ", "\\begin{matrix}" }) do
  display.markdown("$" .. part:rep(100000 // #part) .. "$")
end
---- display_of_markdown_that_nests
-- expect: harmless
display.markdown(("> "):rep(50000) .. "x")
display.markdown(("* "):rep(50000) .. "x")
display.markdown(("["):rep(100000))
display.markdown(("`"):rep(99999) .. " " .. ("`"):rep(99998))
display.markdown(("<"):rep(100000) .. ("!["):rep(50000))
---- display_of_markup_for_ever
-- expect: harmless
while true do display.html(("<b>"):rep(10000)) end
---- display_of_markup_that_nests
-- expect: harmless
display.html(("<div>"):rep(200000))
display.html(("<table>"):rep(50000))
display.svg("<svg xmlns='http://www.w3.org/2000/svg'>" .. ("<g>"):rep(100000))
---- display_that_is_read_for_ever
-- expect: limit cpu_limit; state kept
while true do
  pcall(display.html, ("\u{a0}"):rep(1000000))
end
---- documents_for_ever
-- expect: limit cpu_limit|call_limit|host_cpu_limit
while true do docs.search("app") end
---- dump_of_a_million
-- expect: harmless
local t = {}
for i = 1, 1e6 do t[i] = i end
dump(t)
---- dump_of_a_widening_tree
-- expect: harmless
local t = { 1 }
for _ = 1, 40 do t = { a = t, b = t } end
dump(t)
---- ephemerons_in_random_order
-- expect: harmless
local weak, chain, order = setmetatable({}, { __mode = "k" }), {}, {}
for i = 1, 60000 do chain[i], order[i] = {}, i end
for i = 60000, 2, -1 do
  local j = math.random(i)
  order[i], order[j] = order[j], order[i]
end
for _, i in ipairs(order) do if i < 60000 then weak[chain[i]] = chain[i + 1] end end
Root, chain = chain[1], nil
while true do collectgarbage() end
---- equality_loops
-- expect: limit cpu_limit; state kept
local events = { __eq = function() while true do end end }
return setmetatable({}, events) == setmetatable({}, events)
---- format_of_quoted_megabytes
-- expect: limit cpu_limit
local text = ("\n"):rep(4 << 20)
while true do ("%q"):format(text) end
---- format_with_huge_widths
-- expect: error ~ "invalid conversion"
return ("%99999d"):format(1)
---- format_with_many_directives
-- expect: limit cpu_limit; state kept
local form = ("%5.1f"):rep(200)
local numbers = {}
for i = 1, 200 do numbers[i] = i end
while true do form:format(table.unpack(numbers)) end
---- gmatch_of_nothing
-- expect: limit cpu_limit; state kept
while true do for _ in ("x"):rep(1000):gmatch("") do end end
---- goto_loop
-- expect: limit cpu_limit; state kept
::again:: goto again
---- gsub_recursion
-- expect: limit cpu_limit; state kept
local function f() return (("a"):gsub("a", f)) end
while true do pcall(f) end
---- handler_where_the_hook_is_starved
-- expect: limit cpu_limit
local function chain(depth, bottom)
  local f = bottom
  for _ = 1, depth do
    local t = setmetatable({}, { __index = f })
    f = function() return t.x end
  end
  return f
end
for depth = 150, 230 do
  xpcall(chain(depth, function() for _ = 1, 1e4 do end end), function() while true do end end)
end
while true do end
---- index_chain_of_tables
-- expect: limit cpu_limit; state kept
local t = {}
for _ = 1, 1900 do t = setmetatable({}, { __index = t }) end
while true do local _ = t.x end
---- index_function_loops
-- expect: limit cpu_limit; state kept
return setmetatable({}, { __index = function() while true do end end }).x
---- index_functions_recurse
-- expect: limit cpu_limit; state kept
local t = setmetatable({}, { __index = function(self, key) return self[key .. "x"] end })
while true do pcall(function() return t.x end) end
---- insert_at_the_front_for_ever
-- expect: limit cpu_limit; state kept
local t = {}
while true do table.insert(t, 1, 0) end
---- insert_at_the_front_of_a_liar
-- expect: harmless
table.insert(setmetatable({}, { __len = function() return 1 << 40 end }), 1, "x")
---- ipairs_over_an_index_function
-- expect: limit cpu_limit; state kept
for _ in ipairs(setmetatable({}, { __index = type })) do end
---- json_decode_for_ever
-- expect: limit cpu_limit; state kept
local text = "[" .. ("[],"):rep(1000) .. "[]]"
while true do json.decode(text) end
---- json_decode_of_garbage_for_ever
-- expect: limit cpu_limit; state kept
while true do pcall(json.decode, ("["):rep(5000)) end
---- json_encode_of_a_widening_tree
-- expect: limit cpu_limit|memory_limit; state kept
local t = { 1 }
for _ = 1, 40 do t = { a = t, b = t } end
return json.encode(t)
---- length_loops
-- expect: limit cpu_limit; state kept
return #setmetatable({}, { __len = function() while true do end end })
---- list_key_that_loops_in_pcall
-- expect: limit cpu_limit; state kept
while true do
  pcall(list.sort_by, { 1, 2, 3 }, function() while true do pcall(list.map, { 1 }, error) end end)
end
---- list_of_a_list_without_end
-- expect: limit cpu_limit|memory_limit
list.sum_by(setmetatable({}, { __index = function(_, place) return place end }), function(n) return n end)
---- load_from_a_reader_that_loops
-- expect: limit cpu_limit; state kept
return load(function() while true do end end)
---- load_from_a_reader_without_end
-- expect: limit cpu_limit|memory_limit
return load(function() return "x " end)
---- load_in_a_loop
-- expect: limit cpu_limit; state kept
while true do load("return " .. ("1 + "):rep(100) .. "1")() end
---- load_of_a_long_condition
-- expect: harmless
return load("return " .. ("x and "):rep(150000) .. "x")
---- load_of_deep_functions
-- expect: harmless
while true do load(("return function() "):rep(180) .. ("end "):rep(180)) end
---- load_of_forward_gotos
-- expect: harmless
return load("do " .. ("goto far "):rep(60000) .. " ::far:: end")
---- load_of_many_branches
-- expect: harmless
return load("if x then " .. ("elseif x then "):rep(60000) .. "end")
---- load_of_many_constants
-- expect: harmless
local parts = {}
for i = 1, 200000 do parts[i] = i .. ".5" end
return load("return {" .. table.concat(parts, ",") .. "}")
---- load_of_many_gotos
-- expect: harmless
local parts = {}
for i = 1, 20000 do parts[i] = "goto l" .. i .. " ::l" .. i .. "::" end
return load(table.concat(parts, " "))
---- load_writes_itself
-- expect: limit cpu_limit|memory_limit
local text = "local text = ... return load(text)(text)"
return load(text)(text)
---- metatable_of_the_results_metatable_loops
-- expect: harmless
return setmetatable({ 1 }, setmetatable({}, { __index = function() while true do end end }))
---- move_backwards_over_nothing
-- expect: harmless
table.move({}, math.mininteger, -1, math.mininteger + 1)
---- move_over_a_huge_range
-- expect: harmless
table.move({}, 1, 1 << 40, 2)
---- move_with_native_events
-- expect: harmless
-- Neither event runs an instruction of Lua, so nothing counts.
table.move(setmetatable({}, { __index = type }), 1, 1 << 40, 1, setmetatable({}, { __newindex = type }))
---- newindex_chain_of_tables
-- expect: limit cpu_limit; state kept
local t = setmetatable({}, { __newindex = function() end })
for _ = 1, 1900 do t = setmetatable({}, { __newindex = t }) end
while true do t.x = 1 end
---- next_while_growing
-- expect: limit cpu_limit|memory_limit
local t = { 1 }
while true do
  for key in pairs(t) do t[key .. ""] = true break end
  t[#t + 1] = true
end
---- numeric_for_over_a_long_text
-- expect: limit cpu_limit
local text = (" "):rep(4 << 20) .. "1"
while true do pcall(function() for _ = 1, text do end end) end
---- numeric_for_with_a_tiny_step
-- expect: limit cpu_limit; state kept
for _ = 0, 1, 1e-300 do end
---- pack_and_unpack_of_megabytes
-- expect: limit cpu_limit|memory_limit
local text = ("a"):rep(4 << 20)
while true do string.unpack("s8", string.pack("s8", text)) end
---- packsize_of_a_long_format
-- expect: limit cpu_limit
local form = ("i16"):rep(200000)
while true do string.packsize(form) end
---- pairs_event_is_a_loop
-- expect: limit cpu_limit; state kept
for _ in pairs(setmetatable({}, { __pairs = function() while true do end end })) do end
---- pairs_never_ends
-- expect: limit cpu_limit; state kept
for _ in pairs(setmetatable({}, { __pairs = function() return function() return 1 end end })) do end
---- parallel_bottom_of_the_stack
-- expect: harmless
local function bottom(f) return pcall(function() bottom(f) f() end) end
local function chain(depth, f)
  if depth == 0 then return f() end
  return (("x"):gsub("x", function() chain(depth - 1, f) end))
end
for depth = 150, 200 do
  pcall(chain, depth, function()
    parallel.map({ 1, 2 }, function() return app.integrations.heroku.get_app("my-app").name end)
  end)
end
print(parallel.map({ 1, 2 }, function(n) return n end)[2])
---- parallel_close_handlers_that_loop
-- expect: limit cpu_limit; state kept
pcall(parallel.map, { 1, 2 }, function(n)
  local held <close> = setmetatable({}, { __close = function() while true do pcall(function() while true do end end) end end })
  app.integrations.heroku.get_app(n == 1 and "no-such-app" or "my-app")
end)
---- parallel_collects_for_ever
-- expect: limit cpu_limit|memory_limit; state kept
while true do
  parallel.map({ 1, 2, 3 }, function() error({}) end, { errors = "collect" })
end
---- parallel_nests_in_comparators
-- expect: limit cpu_limit|memory_limit
local function deep()
  table.sort({ 1, 2, 3 }, function() parallel.map({ 1, 2 }, function() pcall(deep) end) return false end)
end
while true do pcall(deep) end
---- parallel_of_a_list_without_end
-- expect: limit cpu_limit|memory_limit
parallel.map(setmetatable({}, { __index = function(_, place) return place end }), print)
---- parallel_of_endless_nests
-- expect: limit cpu_limit|memory_limit
local function deep(n) return parallel.map({ 1, 2, 3 }, function() return deep(n + 1) end) end
deep(1)
---- parallel_runs_out_of_stack
-- expect: harmless
local function down(n) return 1 + down(n + 1) end
print((pcall(parallel.map, { 1, 2, 3 }, down)))
local function around(f) pcall(function() around(f) end) f() end
pcall(around, function() parallel.map({ 1, 2 }, function(n) return app.integrations.heroku.get_app("my-app") end) end)
print(#parallel.map({ 1, 2 }, function(n) return n end))
---- parallel_tasks_each_below_the_count
-- expect: limit cpu_limit; state kept
local list = {}
for i = 1, 60 do list[i] = i end
while true do parallel.map(list, function() for _ = 1, 300 do end end, { limit = 64 }) end
---- parallel_tasks_that_loop
-- expect: limit cpu_limit; state kept
parallel.map({ 1, 2, 3 }, function() while true do end end)
---- parallel_tasks_that_loop_in_pcall
-- expect: limit cpu_limit; state kept
while true do
  pcall(parallel.map, { 1, 2, 3 }, function()
    pcall(app.integrations.heroku.get_app, "my-app")
    while true do pcall(function() while true do end end) end
  end)
end
---- pattern_anchored_gsub_callback
-- expect: limit cpu_limit; state kept
("x"):gsub("x", function() while true do end end)
---- pattern_back_references
-- expect: limit cpu_limit
return ("a"):rep(4000):find("(.*)(.*)%1%2b")
---- pattern_balanced
-- expect: harmless
return ("("):rep(300000):find("%b()")
---- pattern_class_of_100000_letters
-- expect: harmless
return ("x"):rep(100000):find("[" .. ("abcdefgh"):rep(12500) .. "]+y")
---- pattern_four_lazy_letters
-- expect: limit cpu_limit
return ("a"):rep(3000):find(("a-"):rep(4) .. "b")
---- pattern_frontiers
-- expect: limit cpu_limit
return ("a "):rep(5000):find(("%f[%w].-%f[%W].-"):rep(6) .. "b")
---- pattern_in_gmatch
-- expect: harmless
for _ in ("a"):rep(200000):gmatch("a*b") do end
---- pattern_in_gsub
-- expect: limit cpu_limit
return ("a"):rep(5000):gsub(("a*"):rep(5) .. "b", "")
---- pattern_one_greedy_letter
-- expect: harmless
return ("a"):rep(300000):find("a*b")
---- pattern_optional_letters
-- expect: limit cpu_limit
return ("a"):rep(28):find(("a?"):rep(28) .. ("a"):rep(28))
---- pattern_table_replacement_event
-- expect: limit cpu_limit; state kept
("x"):gsub("x", setmetatable({}, { __index = function() while true do end end }))
---- pattern_with_many_captures
-- expect: limit cpu_limit
return ("a"):rep(3000):match(("(a*)"):rep(30) .. "b")
---- pcall_nests_itself
-- expect: limit cpu_limit; state kept
local function f() return pcall(f) end
while true do f() end
---- pcall_of_a_loop_for_ever
-- expect: limit cpu_limit; state kept
while true do pcall(function() while true do end end) end
---- pcall_of_pcall
-- expect: limit cpu_limit; state kept
while true do pcall(pcall, pcall, pcall, error) end
---- plain_find_of_a_long_needle
-- expect: harmless
return (("a"):rep(1 << 20)):find(("a"):rep(1 << 19) .. "b", 1, true)
---- random_numbers_for_ever
-- expect: limit cpu_limit; state kept
while true do math.random(0) math.randomseed(1) end
---- regex_compile_for_ever
-- expect: harmless
while true do pcall(regex.match, "x", ("(?:a|b|c){1,9}"):rep(60)) end
---- regex_for_ever
-- expect: limit cpu_limit; state kept
while true do pcall(regex.match, ("a"):rep(40) .. "b", "^(a+)+$") end
---- regex_gsub_that_doubles
-- expect: harmless
local text = "x"
while true do text = regex.gsub(text, "x", "xxxxxxxx") end
---- regex_nested_repeats
-- expect: harmless
return pcall(regex.match, ("ab"):rep(40) .. "c", "^(?:(?:ab|a|b|ba)+)+$")
---- regex_of_a_huge_repeat
-- expect: harmless
return pcall(regex.match, "x", "(((a{1,30000}){1,30000}){1,30000})")
---- regex_small_ones_for_ever
-- expect: limit cpu_limit|call_limit; state kept
while true do regex.match("abc", "b") end
---- remove_from_the_front_of_a_liar
-- expect: harmless
table.remove(setmetatable({}, { __len = function() return 1 << 40 end }), 1)
---- rep_of_nothing
-- expect: harmless
return #(""):rep(1 << 60)
---- rep_of_nothing_with_an_empty_separator
-- expect: harmless
return #(""):rep(1 << 40, "")
---- repeat_with_closures
-- expect: limit cpu_limit; state kept
repeat local f = function() return f end until false
---- result_is_a_widening_tree
-- expect: harmless
local t = { 1 }
for _ = 1, 40 do t = { a = t, b = t } end
return t
---- reverse_of_megabytes
-- expect: limit cpu_limit
local text = ("a"):rep(8 << 20)
while true do text:reverse() end
---- select_from_many
-- expect: limit cpu_limit; state kept
local function walk(...)
  for i = 1, select("#", ...) do select(i, ...) end
  return walk(...)
end
walk(table.unpack({}, 1, 100000))
---- sort_comparator_lies
-- expect: harmless
local t, n = {}, 0
for i = 1, 1e5 do t[i] = i % 7 end
while true do
  pcall(table.sort, t, function() n = n + 1 return n % 3 == 0 end)
end
---- sort_comparator_loops
-- expect: limit cpu_limit; state kept
local t = {}
for i = 1, 100 do t[i] = i end
table.sort(t, function() while true do end end)
---- sort_of_a_table_that_lies_about_its_length
-- expect: harmless
table.sort(setmetatable({}, { __len = function() return 1 << 30 end, __index = function() return 1 end }))
---- sort_organ_pipe
-- expect: harmless
local t = {}
for i = 1, 3e5 do t[i] = i < 1.5e5 and i or 3e5 - i end
while true do table.sort(t, function(a, b) return a > b end) end
---- sort_with_a_native_comparator
-- expect: harmless
local t = {}
for i = 1, 2e5 do t[i] = ("x"):rep(i % 50) end
while true do pcall(table.sort, t, rawequal) end
---- starved_hook
-- expect: limit cpu_limit
-- At exactly the last level of C calls Lua still runs, but the hook that looks at the clock cannot be called.
local function chain(depth, bottom)
  local f = bottom
  for _ = 1, depth do
    local t = setmetatable({}, { __index = f })
    f = function() return t.x end
  end
  return f
end
local starved
for depth = 100, 230 do
  local reached = false
  local ok = pcall(chain(depth, function() reached = true for _ = 1, 1e4 do end end))
  if not ok and reached then starved = depth break end
end
local f = chain(starved or 10, function() while true do end end)
while true do pcall(f) end
---- starved_hook_in_coroutines
-- expect: limit cpu_limit
local function chain(depth, bottom)
  local f = bottom
  for _ = 1, depth do
    local inner = f
    f = function() return coroutine.wrap(inner)() end
  end
  return f
end
while true do
  for depth = 20, 220 do pcall(chain(depth, function() for _ = 1, 1e5 do end end)) end
end
---- starved_hook_in_gsub
-- expect: limit cpu_limit
local function chain(depth, bottom)
  local f = bottom
  for _ = 1, depth do
    local inner = f
    f = function() return (("x"):gsub("x", inner)) end
  end
  return f
end
while true do
  for depth = 100, 230 do pcall(chain(depth, function() for _ = 1, 1e4 do end end)) end
end
---- tail_calls
-- expect: limit cpu_limit; state kept
local function f() return f() end
f()
---- the_cell_itself_is_a_long_comment
-- expect: nothing; state kept
-- repeat: 50000
-- return x <const> = 1;f()
---- the_cell_itself_is_a_long_condition
-- expect: harmless
-- repeat: 60000
x = x and
---- the_cell_itself_is_many_brackets
-- expect: harmless
-- repeat: 50000
((((
---- the_cell_itself_is_many_calls
-- expect: harmless
-- repeat: 20000
;(type)(1)
---- the_cell_itself_is_many_constants
-- expect: harmless
-- repeat: 3000
do local one <const> = 1 end
---- the_cell_itself_is_many_statements
-- expect: nothing; state kept
-- repeat: 5000
x = 1; y = 2
---- tonumber_of_megabytes
-- expect: limit cpu_limit
local text = ("1"):rep(8 << 20)
while true do tonumber(text, 10) end
---- tonumber_of_spaces
-- expect: limit cpu_limit
local text = (" "):rep(8 << 20) .. "z"
while true do tonumber(text) end
---- tostring_loops
-- expect: limit cpu_limit; state kept
print(setmetatable({}, { __tostring = function() while true do end end }))
---- tostring_of_a_result_loops
-- expect: harmless
return setmetatable({}, { __tostring = function() while true do end end })
---- tostring_of_a_widening_tree
-- expect: harmless
local t = { 1 }
for _ = 1, 40 do t = { t, t } end
return #tostring(t)
---- tostring_of_the_error_loops
-- expect: harmless
error(setmetatable({}, { __tostring = function() while true do end end }))
---- unknown_names_for_ever
-- expect: limit cpu_limit|call_limit; state kept
local heroku = app.integrations.heroku
while true do pcall(function() return heroku.nothing end) end
---- unpack_for_ever
-- expect: limit cpu_limit; state kept
local t = {}
while true do select("#", table.unpack(t, 1, 200000)) end
---- unpack_of_a_liar
-- expect: error ~ "too many results to unpack"
return table.unpack(setmetatable({}, { __len = function() return 1 << 40 end }))
---- upper_of_megabytes
-- expect: limit cpu_limit
local text = ("a"):rep(8 << 20)
while true do text:upper() end
---- utf8_codepoints
-- expect: limit cpu_limit
local text = ("é"):rep(100000)
while true do utf8.codepoint(text, 1, -1) end
---- utf8_codes_over_garbage
-- expect: error ~ "invalid UTF-8"
for _ in utf8.codes(("\u{41}"):rep(1000) .. "\xFF") do end
---- utf8_len_of_megabytes
-- expect: limit cpu_limit
local text = ("é"):rep(4 << 20)
while true do utf8.len(text) end
---- utf8_offset_of_megabytes
-- expect: limit cpu_limit
local text = ("é"):rep(4 << 20)
while true do utf8.offset(text, -1, 1) utf8.offset(text, 4 << 20) end
---- varargs_copied_for_ever
-- expect: harmless
local function f(...) return select("#", ...) + f(1, ...) end
while true do pcall(f) end
---- weak_values_collected_for_ever
-- expect: limit cpu_limit|memory_limit
local weak = setmetatable({}, { __mode = "v" })
for i = 1, 100000 do weak[i] = {} end
while true do collectgarbage("collect") end
---- while_loop
-- expect: limit cpu_limit; state kept
while true do end
---- xpcall_handler_fails_for_ever
-- expect: limit cpu_limit; state kept
local function handler(problem) error(problem) end
while true do xpcall(error, handler, "again") end
---- xpcall_handler_loops
-- expect: limit cpu_limit; state kept
xpcall(error, function() while true do end end)
---- xpcall_is_its_own_handler
-- expect: limit cpu_limit; state kept
local function f() return xpcall(f, f) end
while true do f() end
---- xpcall_nests_inside_coroutines
-- expect: limit cpu_limit; state kept
local function f() return xpcall(f, f) end
while true do coroutine.wrap(function() xpcall(f, f) end)() end
