---- bidirectional_letters
-- expect: nothing
print("\u{202E}reversed\u{202C} \u{2066}isolated\u{2069} \u{FEFF}\u{200B}")
---- column_names_of_dots
-- expect: harmless
return { { ["a.b"] = 1, a = { b = 2 }, ["a."] = 3, [".b"] = 4, [""] = 5, ["a..b"] = 6 } }
---- column_names_of_methods
-- expect: value [{"__class__": 1, "columns": 2, "index": 3, "shape": 4, "to_string": 5}]
return { { columns = 2, index = 3, shape = 4, to_string = 5, ["__class__"] = 1 } }
---- columns_by_the_thousand
-- expect: harmless
local row = {}
for i = 1, 3000 do row["c" .. i] = i end
return { row, row }
---- columns_of_mixed_kinds
-- expect: harmless
return { { a = 1 }, { a = "x" }, { a = { b = 1 } }, { a = { 1, 2 } }, { a = true }, { a = json.null }, { a = 1e300 }, { a = math.mininteger } }
---- columns_that_look_like_times
-- expect: harmless
return { { created_at = "not a time", updated_at = 12, released_at = {} }, { created_at = "9999-99-99T99:99:99Z", updated_at = "0000-00-00" } }
---- control_letters
-- expect: nothing
local letters = {}
for i = 0, 31 do letters[#letters + 1] = string.char(i) end
print(table.concat(letters) .. "\127")
---- cut_inside_a_letter
-- expect: value 1
io.write("x", ("é"):rep(1 << 20))
return 1
---- cycles
-- expect: output "{ a: { up: <cycle: value> } }\n"; harmless
local t = { a = {} }
t.a.up = t
print(t)
return t
---- display_of_every_kind
-- expect: harmless
local function loop() while true do end end
local kinds = { 1, true, {}, print, app, json.null, coroutine.create(print), 0 / 0, "\255", { { a = 1 } }, { [{}] = 1 }, app.integrations.heroku.list_apps({}),
  setmetatable({}, { __eq = loop, __len = loop, __index = loop }) }
for _, kind in ipairs(kinds) do
  pcall(display, kind)
  for _, name in ipairs({ "html", "markdown", "svg", "png", "json", "update", "clear" }) do
    pcall(display[name], kind, kind)
    pcall(display[name], kind, { id = kind, update = kind, wait = kind })
    pcall(display[name], "x", kind)
  end
end
---- display_of_pictures_that_are_none
-- expect: harmless
pcall(display.png, "\137PNG\r\n\26\n")
pcall(display.png, "\137PNG\r\n\26\n" .. ("\255"):rep(100000))
pcall(display.png, "iVBORw0KGgo<script>")
pcall(display.svg, "<svg><image href='http://127.0.0.1/leak'/><use href='//127.0.0.1/x#y'/></svg>")
pcall(display.svg, "not a picture")
---- display_of_scripts
-- expect: harmless
display.html("<script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:alert(1)'>x</a><iframe src='http://127.0.0.1/'></iframe>")
display.markdown("<script>alert(1)</script> ![x](http://127.0.0.1/leak) [x](javascript:alert(1))")
display.svg("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>")
display.markdown("$\\href{javascript:alert(1)}{x} \\require{x}$")
display.json("{\"text/html\": \"<script>alert(1)</script>\"}")
---- display_with_odd_names
-- expect: harmless
for _, id in ipairs({ "", ("x"):rep(1000), "\255", "'><script>", "a\nb", 0 / 0, 1, true, {} }) do
  pcall(display, 1, { id = id })
  pcall(display.update, id, 1)
end
---- error_caught_that_imitates_no_memory
-- expect: limit memory_limit
return (pcall(error, "not enough memory", 0))
---- error_of_a_negative_line
-- expect: error ~ "attack.lua:"
error("attack.lua:-1: x", 0)
---- error_of_an_endless_line_number
-- expect: error ~ "attack.lua:"
error("attack.lua:" .. ("9"):rep(5000) .. ": x", 0)
---- error_of_digits_that_are_none
-- expect: error ~ "attack.lua:"
error("attack.lua:²: x", 0)
---- error_of_escapes
-- expect: error ~ "attack.lua:2"
error("\27[2J\27]0;title\7<script>alert(1)</script>\r\n\n\n")
---- error_of_many_lines
-- expect: error ~ "attack.lua:2: line"
error(("line\n"):rep(5000))
---- error_of_megabytes
-- expect: error ~ "attack.lua:2: xxx"
error(("x"):rep(5 << 20))
---- error_that_imitates_a_place
-- expect: error ~ "setup.lua:1"
error("setup.lua:1: /etc/passwd:7: In[1]:99999999999999999999: spoof", 0)
---- error_that_imitates_no_memory
-- expect: harmless
error("not enough memory", 0)
---- escapes_as_values
-- expect: harmless
return "\27[2J\27]0;title\7", { "\27[31m" }, { { name = "\27[31mred", ["\27[2J"] = "\155" } }, { x = "\27]52;c;aGk=\7" }
---- escapes_in_a_syntax_error
-- expect: error ~ "attack.lua"
x = "[2J" = ]0;title
---- escapes_in_errors_of_every_kind
-- expect: error ~ "attack.lua:2"
error({ "\27[2J", { ["\27[31m"] = "\7" } })
---- escapes_in_names
-- expect: error ~ "no argument"
return app.integrations.heroku.get_app({ ["\27[2J"] = "\27[31m", app_id = "my-app" })
---- flood_by_dump
-- expect: limit cpu_limit
while true do dump({ 1, { 2 } }) end
---- flood_in_pcall
-- expect: limit cpu_limit; output ~ "cut here"
while true do pcall(print, "line") end
---- flood_of_carriage_returns
-- expect: limit cpu_limit|memory_limit
while true do io.write("progress\r") end
---- flood_of_lines
-- expect: limit cpu_limit; output ~ "cut here"
while true do print("line") end
---- flood_of_newlines
-- expect: limit cpu_limit|memory_limit; output ~ "cut here"
while true do io.write(("\n"):rep(10000)) end
---- flood_of_nothing
-- expect: limit cpu_limit; output ""
while true do io.write("") end
---- flood_then_success
-- expect: value 1; output ~ "cut here"
for i = 1, 25000 do io.write("line\n") end
return 1
---- flood_to_both_streams
-- expect: limit cpu_limit
while true do io.stdout:write("o") io.stderr:write("e") end
---- flood_without_lines
-- expect: limit cpu_limit|memory_limit; output ~ "cut here"
while true do io.write(("x"):rep(10000)) end
---- functions_as_values
-- expect: harmless
return print, function() end, coroutine.create(print), { print }, { x = { y = { print } } }
---- html_as_a_value
-- expect: value "<script>alert(1)</script>"
return "<script>alert(1)</script>"
---- html_in_output
-- expect: output "<script>alert(1)</script><img src=x onerror=alert(1)>\n"; nothing
print("<script>alert(1)</script><img src=x onerror=alert(1)>")
---- html_in_records
-- expect: value [{"<b>name</b>": "<img src=x onerror=alert(1)>", "link": "javascript:alert(1)"}]
return { { ["<b>name</b>"] = "<img src=x onerror=alert(1)>", link = "javascript:alert(1)" } }
---- invalid_utf8
-- expect: nothing
print("\255\254\xC3\x28\xE2\x82\xED\xA0\x80\xF5\x80\x80\x80")
---- invalid_utf8_in_a_table
-- expect: output ~ "\\xFF"; nothing
print({ "\255", ["\254"] = "\xC3" })
---- keys_of_every_kind
-- expect: harmless
return { [1] = 1, [1.5] = 2, [true] = 3, [print] = 4, [{}] = 5, ["\255"] = 6, [""] = 7, [math.huge] = 8, [math.mininteger] = 9 }
---- keys_show_no_address
-- expect: nothing
print({ [{}] = 1, [print] = 2, [coroutine.create(print)] = 3, [function() end] = { [{}] = {} } })
---- keys_that_collide
-- expect: harmless
return { [1] = "a", ["1"] = "b", x = 1 }
---- keys_that_speak
-- expect: harmless
local function loop() while true do end end
local key = setmetatable({}, { __tostring = loop, __eq = loop, __lt = loop, __len = loop, __name = "x\255" })
print({ [key] = key })
return { [key] = key }
---- libraries_as_values
-- expect: harmless
return _G, string, app, app.integrations.heroku, docs
---- line_separators
-- expect: nothing
print("a\u{2028}b\u{2029}c\u{85}d\ve\ff")
---- lists_with_far_holes
-- expect: harmless
return { 1, [1 << 40] = 2 }, { [-1] = 1, [0] = 2, 3 }, { [math.maxinteger] = 1 }
---- lists_with_holes
-- expect: value [1, null, 3]
return { 1, nil, 3 }
---- markdown_as_a_value
-- expect: value "# Title\n\n![x](http://127.0.0.1/leak)\n<script>alert(1)</script>"
return "# Title\n\n![x](http://127.0.0.1/leak)\n<script>alert(1)</script>"
---- methods_of_rich_display_imitated
-- expect: harmless
return { _repr_html_ = "<script>alert(1)</script>", _ipython_display_ = "x", _repr_mimebundle_ = print, __class__ = "x", __repr__ = "y" }
---- mime_bundle_imitated
-- expect: value {"text/html": "<script>alert(1)</script>", "application/javascript": "alert(1)"}
return { ["text/html"] = "<script>alert(1)</script>", ["application/javascript"] = "alert(1)" }
---- name_that_lies
-- expect: harmless
print(setmetatable({}, { __name = "\27[31mnull\0" }), setmetatable({}, { __name = {} }))
return setmetatable({}, { __name = "app" })
---- newlines_in_errors
-- expect: error ~ "attack.lua:2"
error("first\r\n----> 1 spoofed\nTraceback\n\n" .. ("\n"):rep(1000))
---- numbers_at_their_ends
-- expect: values [9223372036854775807, -9223372036854775808, 1e308, 5e-324, -0.0]
return math.maxinteger, math.mininteger, 1e308, 5e-324, -0.0
---- numbers_that_are_none
-- expect: harmless
return 0 / 0, math.huge, -math.huge, { 0 / 0 }, { x = math.huge }
---- page_imitated
-- expect: harmless
local page = docs.read("heroku")
return page
---- page_made_by_the_script
-- expect: harmless
return docs.read("heroku") .. "\n<script>alert(1)</script>\n[x](javascript:alert(1))"
---- parts_of_a_letter
-- expect: output "é€\n"; nothing
-- A letter that is written byte by byte is one letter all the same.
io.write("\xC3") io.write("\xA9") io.write("\xE2", "\x82") io.write("\xAC\n")
---- single_write_of_megabytes
-- expect: value 1; output ~ "cut here"
io.write(("x"):rep(2 << 20))
return 1
---- spreadsheet_formulas
-- expect: value [{"name": "=cmd|' /C calc'!A0", "other": "@SUM(1+1)*cmd"}]
return { { name = "=cmd|' /C calc'!A0", other = "@SUM(1+1)*cmd" } }
---- syntax_error_in_odd_letters
-- expect: error ~ "attack.lua:1"
-- repeat: 1
é = ‮1 <script>
---- syntax_error_of_megabytes
-- expect: error ~ "attack.lua"
-- repeat: 20000
x = = ]]]] "<script>
---- terminal_escapes
-- expect: nothing
print("\27[2J\27[H\27]0;title\7\27]52;c;aGk=\7\27[31mred\27P+q544e\27\\\x9b31m")
---- terminal_links
-- expect: nothing
print("\27]8;;http://127.0.0.1/\27\\click\27]8;;\27\\")
---- text_of_half_pairs
-- expect: harmless
return "\u{D800}", "\u{DFFF}", "\u{7FFFFFFF}", { "\u{D800}" }, pcall(json.decode, '"\\ud800"')
---- text_of_nul
-- expect: values ["a\u0000b", {"a\u0000b": "\u0000"}]
return "a\0b", { ["a\0b"] = "\0" }
---- tostring_that_gives_no_text
-- expect: error ~ "__tostring"
print(setmetatable({}, { __tostring = function() return {} end }))
---- tostring_that_lies
-- expect: output "0\ttable\n"; nothing
print(0, setmetatable({}, { __tostring = function() return "table" end }))
