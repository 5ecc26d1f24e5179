---- argument_of_megabytes
-- expect: harmless
return app.integrations.heroku.get_app({ app_id = ("x"):rep(8 << 20) })
---- argument_that_shares_megabytes
-- expect: harmless
local text, t = ("x"):rep(1 << 20), {}
for i = 1, 1000 do t[i] = text end
return app.integrations.heroku.list_dynos({ app_id = t })
---- array_growth
-- expect: limit memory_limit; state kept
local t = {}
for i = 1, 1e9 do t[i] = i end
---- byte_of_megabytes
-- expect: error ~ "string slice too long"
return (("x"):rep(8 << 20)):byte(1, -1)
---- calls_when_almost_full
-- expect: harmless
local heroku = app.integrations.heroku
Kept = {}
for i = 1, 3200 do
  Kept[i] = ("x"):rep(10000) .. i
  if i % 100 == 0 then pcall(heroku.get_app, "my-app") end
end
---- close_handler_runs_out
-- expect: limit memory_limit; state kept
do local held <close> = setmetatable({}, { __close = function() return ("y"):rep(1 << 26) end }) end
---- closures
-- expect: limit memory_limit
local t = {}
while true do
  local n = #t
  t[n + 1] = function() return n end
end
---- concat_event_makes_megabytes
-- expect: limit memory_limit; state kept
return setmetatable({}, { __concat = function() return ("y"):rep(1 << 26) end }) .. "a"
---- concat_of_many
-- expect: limit memory_limit; state kept
do
  local t = {}
  for i = 1, 20 do t[i] = ("x"):rep(1 << 20) end
  print(#table.concat(t))
end
---- concat_with_a_long_separator
-- expect: limit memory_limit; state kept
local t = {}
for i = 1, 1000 do t[i] = i end
return #table.concat(t, ("x"):rep(1000000))
---- coroutines_kept
-- expect: limit memory_limit|cpu_limit
local t = {}
while true do
  local thread = coroutine.create(function() coroutine.yield() end)
  coroutine.resume(thread)
  t[#t + 1] = thread
end
---- coroutines_nested
-- expect: harmless
local function f() return coroutine.wrap(f)() end
while true do pcall(f) end
---- coroutines_with_deep_stacks
-- expect: limit memory_limit|cpu_limit
local t = {}
local function down(n) if n == 0 then coroutine.yield() end return 1 + down(n - 1) end
while true do
  local thread = coroutine.create(down)
  coroutine.resume(thread, 10000)
  t[#t + 1] = thread
end
---- date_of_megabytes
-- expect: limit memory_limit|cpu_limit
local t = {}
while true do t[#t + 1] = os.date(("%c"):rep(100000)) .. #t end
---- deep_recursion
-- expect: harmless
local function f(n) return 1 + f(n + 1) end
return f(1)
---- deep_recursion_in_close
-- expect: harmless
local function f() local held <close> = setmetatable({}, { __close = function() f() end }) end
f()
---- deep_recursion_in_concatenation
-- expect: error ~ "stack overflow"; state kept
local events = {}
function events.__concat(a) return a .. "x" end
return setmetatable({}, events) .. "x"
---- deep_recursion_in_gsub
-- expect: error ~ "stack overflow"; state kept
local function f() return (("a"):gsub("a", f)) end
return f()
---- deep_recursion_in_load
-- expect: harmless
return load(("("):rep(100000))
---- deep_recursion_in_metamethods
-- expect: error ~ "stack overflow"; state kept
local t = setmetatable({}, { __index = function(self, key) return self[key .. "x"] end })
return t.x
---- deep_recursion_through_pcall
-- expect: harmless
local function f(n) local ok, found = pcall(f, n + 1) return ok and found or n end
return f(1)
---- deep_recursion_with_many_locals
-- expect: harmless
local function f(a, b, c, d, e) local g, h, i, j = a, b, c, d return f(g, h, i, j, e) + 1 end
while true do pcall(f) end
---- display_by_the_thousand
-- expect: harmless
for i = 1, 5000 do display.html("<b>" .. i .. "</b>", { id = "x" .. i }) end
---- display_of_a_widening_tree
-- expect: harmless
local t = { 1 }
for _ = 1, 40 do t = { t, t } end
display(t)
---- display_of_megabytes
-- expect: harmless
for _ = 1, 20 do display(("x"):rep(4 << 20)) end
---- display_that_grows
-- expect: harmless
for _, unit in ipairs({ "<p><b><i><u><s>", "<table><b><td><p><i><a>", "&", "<b>", "- > " }) do
  display.html(unit:rep(1000000 // #unit))
  display.markdown(unit:rep(500000 // #unit))
end
---- doubling
-- expect: limit memory_limit; state kept
local text = "x"
while true do text = text .. text end
---- doubling_in_a_coroutine
-- expect: limit memory_limit; state kept
coroutine.wrap(function()
  local text = "x"
  while true do pcall(function() text = text .. text end) end
end)()
---- error_handler_runs_out
-- expect: limit memory_limit; state kept
xpcall(error, function() return ("y"):rep(1 << 26) end)
---- format_of_megabytes
-- expect: limit memory_limit|cpu_limit
local t = {}
while true do t[#t + 1] = ("%s%s"):format(("x"):rep(1000000), #t) end
---- global_growth
-- expect: limit memory_limit
-- What a global holds over the limit is dropped, with Lua's variables; nothing else helps.
Kept = {}
while true do Kept[#Kept + 1] = { #Kept } end
---- growth_behind_pcall
-- expect: limit memory_limit|cpu_limit
local t = {}
while true do pcall(function() t[#t + 1] = ("x"):rep(1000) .. #t end) end
---- growth_until_it_fails_then_return
-- expect: limit memory_limit|cpu_limit
local t, n = {}, 0
while pcall(function() n = n + 1 t[n] = {} end) do end
return t
---- growth_until_just_below_then_call
-- expect: harmless
local heroku = app.integrations.heroku
Kept = {}
while collectgarbage("count") < 32 * 1024 - 64 do Kept[#Kept + 1] = {} end
return heroku.list_apps({})
---- growth_until_just_below_then_fail
-- expect: harmless
Kept = {}
while collectgarbage("count") < 32 * 1024 - 64 do Kept[#Kept + 1] = {} end
error({ message = ("x"):rep(1000) })
---- growth_until_just_below_then_print
-- expect: harmless
Kept = {}
while collectgarbage("count") < 32 * 1024 - 64 do Kept[#Kept + 1] = {} end
print(Kept)
io.write(("x"):rep(60000))
---- growth_until_just_below_then_return
-- expect: harmless
-- Almost full, in tiny steps, so that whatever comes next meets the limit.
Kept = {}
while collectgarbage("count") < 32 * 1024 - 64 do Kept[#Kept + 1] = {} end
return Kept
---- gsub_callback_runs_out
-- expect: limit memory_limit; state kept
return #(("x"):rep(100):gsub("x", function() return ("y"):rep(1 << 20) end))
---- gsub_makes_megabytes
-- expect: limit memory_limit; state kept
return #(("a"):rep(10000):gsub("a", ("b"):rep(10000)))
---- gsub_makes_megabytes_of_captures
-- expect: limit memory_limit; state kept
return #(("a"):rep(1000):gsub(".*", ("%0"):rep(100000)))
---- hash_growth
-- expect: limit memory_limit|cpu_limit; state kept
do
  local t = {}
  for i = 1, 1e9 do t["k" .. i] = true end
end
---- hash_growth_by_floats
-- expect: limit memory_limit; state kept
local t = {}
for i = 1, 1e9 do t[i + 0.5] = true end
---- index_event_runs_out
-- expect: limit memory_limit; state kept
return #setmetatable({}, { __index = function() return ("y"):rep(1 << 26) end }).x
---- interned_names
-- expect: limit memory_limit|cpu_limit
while true do
  local parts = {}
  for i = 1, 5000 do parts[i] = "local v" .. math.random(1 << 40) .. " " end
  for i = 1, #parts, 150 do load(table.concat(parts, "", i, math.min(i + 149, #parts))) end
  Kept = { Kept, parts }
end
---- json_decode_of_ever_new_keys
-- expect: limit memory_limit|cpu_limit
local n, t = 0, {}
while true do
  n = n + 1
  t[n] = json.decode('{"k' .. n .. '": {"l' .. n .. '": null}}')
end
---- json_decode_of_many_keys
-- expect: value 20000; state kept
local parts = {}
for i = 1, 20000 do parts[i] = ('"k%d":%d'):format(i, i) end
return json.decode("{" .. table.concat(parts, ",") .. "}").k20000
---- json_decode_of_small_lists
-- expect: limit memory_limit|cpu_limit; state kept
return #json.decode("[" .. ("[],"):rep(2000000) .. "[]]")
---- json_encode_of_escapes
-- expect: limit memory_limit|cpu_limit; state kept
return #json.encode(("\1"):rep(12 << 20))
---- json_encode_of_megabytes
-- expect: limit memory_limit|cpu_limit; state kept
local text, t = ("x"):rep(1 << 20), {}
for i = 1, 1000 do t[i] = text end
return #json.encode(t)
---- list_joined_for_ever
-- expect: limit memory_limit
local text = { "x" }
while true do text = list.map({ 1 }, function() return list.join({ text[1], text[1] }, "") end) end
---- lists_of_records_kept
-- expect: limit memory_limit|cpu_limit|call_limit
local heroku, t = app.integrations.heroku, {}
while true do
  local apps = heroku.list_apps({})
  for i = 1, #apps do apps[i].copy = ("x"):rep(1000) .. #t end
  t[#t + 1] = apps
end
---- load_keeps_chunks
-- expect: limit memory_limit|cpu_limit
local t = {}
while true do t[#t + 1] = load("return { " .. ("1, "):rep(5000) .. "}") end
---- load_of_megabytes
-- expect: harmless
return load(("x = 'long' "):rep(1 << 20))
---- local_growth_that_lives_on
-- expect: limit memory_limit
local kept = {}
while true do kept[#kept + 1] = { #kept } end
---- metatables
-- expect: limit memory_limit|cpu_limit
local t = {}
while true do t = setmetatable({}, { __index = t }) end
---- output_kept_until_a_line_ends
-- expect: limit cpu_limit|memory_limit
while true do io.write("x") end
---- output_of_megabytes_at_once
-- expect: harmless
io.write(("x"):rep(12 << 20))
---- pack_of_megabytes
-- expect: limit memory_limit; state kept
return #string.pack("s8s8s8s8", ("x"):rep(9 << 20), ("x"):rep(9 << 20), ("x"):rep(9 << 20), ("x"):rep(9 << 20))
---- pack_with_padding
-- expect: harmless
return #string.pack(("!16 i16 x"):rep(200000), table.unpack({}, 1, 200))
---- parallel_lists_that_wait
-- expect: harmless
local list = {}
for i = 1, 64 do list[i] = i end
local function deep(n)
  if n == 0 then return app.integrations.heroku.get_app("my-app").name end
  return #parallel.map(list, function() return deep(n - 1) end, { limit = 64 })
end
return deep(2)
---- parallel_tasks_that_fill_it
-- expect: limit memory_limit
local kept = {}
parallel.map({ 1, 2, 3, 4 }, function()
  while true do
    pcall(function()
      for _ = 1, 1000 do kept[#kept + 1] = ("x"):rep(1000) .. #kept end
    end)
  end
end)
---- print_nested_a_hundred_thousand_deep
-- expect: harmless
local t = {}
for _ = 1, 100000 do t = { t } end
print(t)
---- print_with_a_million_arguments
-- expect: harmless
print(table.unpack({}, 1, 200000))
---- print_with_megabytes_inside
-- expect: harmless
print({ ("x"):rep(6 << 20), { ("y"):rep(6 << 20) } })
---- regex_captures_by_the_million
-- expect: harmless
return #regex.match_all(("a"):rep(1 << 20), "(a)")
---- regex_gsub_of_megabytes
-- expect: harmless
return pcall(regex.gsub, ("a"):rep(100000), "a", ("b"):rep(100000))
---- regex_subjects_kept
-- expect: harmless
Kept = {}
for i = 1, 200 do Kept[i] = regex.match_all(("ab"):rep(50000), "(a)(b)") end
---- rep_in_pcall_for_ever
-- expect: limit memory_limit; state kept
while true do pcall(string.rep, "x", 1 << 30) end
---- rep_of_a_gigabyte
-- expect: limit memory_limit; state kept
return #("x"):rep(1 << 30)
---- rep_past_all_numbers
-- expect: error ~ "resulting string too large"; state kept
return #("x"):rep(math.maxinteger, "yy")
---- rep_with_a_separator
-- expect: limit memory_limit; state kept
return #(""):rep(1e9, "x")
---- result_metatable_runs_out
-- expect: harmless
return setmetatable({ 1 }, setmetatable({}, { __index = function()
  local text = "x"
  for _ = 1, 29 do text = text .. text end
  Kept = text
end }))
---- result_nested_a_hundred_thousand_deep
-- expect: harmless
local t = {}
for _ = 1, 100000 do t = { t } end
return t
---- result_of_a_hundred_thousand_values
-- expect: harmless
return table.unpack({}, 1, 100000)
---- result_of_a_million_numbers
-- expect: harmless
local t = {}
for i = 1, 1e6 do t[i] = i end
return t
---- result_of_megabytes
-- expect: harmless
return ("x"):rep(20 << 20)
---- result_of_the_same_megabytes_often
-- expect: harmless
local text = ("x"):rep(8 << 20)
return text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text
---- result_that_shares_megabytes
-- expect: harmless
local text, t = ("x"):rep(1 << 20), {}
for i = 1, 1000 do t[i] = text end
return t
---- result_with_long_keys
-- expect: harmless
local t = {}
for i = 1, 20 do t[("k"):rep(1 << 20) .. i] = 1 end
return t
---- sort_comparator_keeps_everything
-- expect: limit memory_limit|cpu_limit; state kept
do
  local t, kept = {}, {}
  for i = 1, 100000 do t[i] = i end
  table.sort(t, function(a, b) kept[#kept + 1] = { a, b } return a < b end)
end
---- sort_comparator_runs_out
-- expect: limit memory_limit; state kept
local t = {}
for i = 1, 1000 do t[i] = i end
table.sort(t, function(a, b) return #(("x"):rep(1 << 26)) > 0 and a < b end)
---- svg_of_entities
-- expect: harmless
display.svg([[<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">]><svg xmlns="http://www.w3.org/2000/svg"><text>&e;&e;&e;</text></svg>]])
---- tostring_event_runs_out
-- expect: limit memory_limit; state kept
print(setmetatable({}, { __tostring = function() return ("y"):rep(1 << 26) end }))
---- tostring_of_the_error_runs_out
-- expect: harmless
error(setmetatable({}, { __tostring = function()
  local text = "x"
  for _ = 1, 29 do text = text .. text end
  return text
end }))
---- upvalues
-- expect: limit memory_limit|cpu_limit
local f = function() return 0 end
while true do
  local inner = f
  f = function() return inner end
end
---- utf8_char_of_many
-- expect: limit memory_limit|cpu_limit
local codes, t = {}, {}
for i = 1, 100000 do codes[i] = 1114111 end
while true do t[#t + 1] = utf8.char(table.unpack(codes)) end
---- varargs_grow
-- expect: harmless
local function f(...) return f(1, 2, 3, 4, 5, 6, 7, 8, ...) end
return f()
---- varargs_of_a_million
-- expect: error ~ "too many results to unpack"; state kept
return select("#", table.unpack({}, 1, 1e6))
---- varargs_packed
-- expect: limit memory_limit|cpu_limit
local t = {}
while true do t[#t + 1] = table.pack(table.unpack({}, 1, 200000)) end
---- weak_tables_full_of_strings
-- expect: limit memory_limit|cpu_limit
local weak = setmetatable({}, { __mode = "kv" })
for i = 1, 1e9 do weak["k" .. i] = "v" .. i end
