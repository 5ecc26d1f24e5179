"""Signatures and one-line descriptions of Lua's standard library, as far as scripts can use it, and our additions.

Each line of `_REFERENCE` is one entry: its signature, two or more spaces, its description. The facts are from
https://www.lua.org/manual/5.4/manual.html#6, in our own words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """An entry of the library.

    Parameters:
        name: its full name, `string.format`.
        signature: how it is called, `string.format(template, ...)`; for a constant, its name.
        doc: what it does, one line of Markdown.
    """

    name: str
    signature: str
    doc: str


@cache
def library() -> dict[str, LibraryEntry]:
    """Return the entries of the library by full name."""
    entries = {}
    for line in _REFERENCE.strip().splitlines():
        signature, _, doc = line.partition("  ")
        name = signature.partition("(")[0].replace(":", ".")
        entries[name] = LibraryEntry(name, signature, doc.strip())
    return entries


_REFERENCE = """
_G  The table of all global variables.
_VERSION  The version of Lua, `"Lua 5.4"`.
assert(value [, message])  Stops with `message` when `value` is false or nil; otherwise returns its arguments.
collectgarbage([what])  `"collect"` frees memory now; `"count"` says how many kibibytes are in use.
error(message [, level])  Stops with `message`; `level` 2 blames the caller's line, 0 no line.
getmetatable(value)  The table that says how `value` behaves under operators, or nil.
ipairs(list)  For a `for` loop: each index and item of a list, up to the first nil.
load(text [, name [, mode [, env]]])  Compiles Lua text and returns it as a function; on a mistake nil and the message.
next(table [, key])  The key after `key` and its value; without `key` the first ones, nil at the end.
pairs(table)  For a `for` loop: each key and value of a table.
pcall(f, ...)  Calls `f(...)`; returns true and its results, or false, the message and what is known of a failed call.
print(...)  Shows its arguments with tabs between and ends the line; tables are shown in full.
rawequal(a, b)  Whether two values are the same one, metatables left aside.
rawget(table, key)  The value at `key`, metatables left aside.
rawlen(value)  The length of a table or string, metatables left aside.
rawset(table, key, value)  Sets the value at `key`, metatables left aside.
select(n, ...)  The arguments from the `n`th on; with `"#"` how many there are.
setmetatable(table, metatable)  Sets how `table` behaves under operators and missing keys, and returns it.
tonumber(value [, base])  `value` as a number, or nil where it is none; `base` from 2 to 36 reads digits of that base.
tostring(value)  `value` as text.
type(value)  The kind of a value: `"nil"`, `"number"`, `"string"`, `"boolean"`, `"table"`, `"function"` or `"thread"`.
xpcall(f, handler, ...)  Calls `f(...)` as `pcall` does; an error goes through `handler` first, which sees the stack.
dump(value)  Shows one value in full and returns it.
coroutine  Functions that pause and go on.
coroutine.close(co)  Ends a paused coroutine and closes its pending variables.
coroutine.create(f)  A coroutine that will run `f` when first resumed.
coroutine.isyieldable([co])  Whether the running coroutine may pause here.
coroutine.resume(co, ...)  Starts `co` or goes on with it; returns true and what it yields or returns, or false and why.
coroutine.running()  The running coroutine, and whether it is the main one.
coroutine.status(co)  `"running"`, `"suspended"`, `"normal"` or `"dead"`.
coroutine.wrap(f)  A function that resumes a coroutine of `f` each time it is called.
coroutine.yield(...)  Pauses the running coroutine; its arguments are what `resume` returns.
io  Text in and out.
io.read(...)  Reads a line of input, or by format: `"n"` a number, `"a"` all, `"L"` a line with its end, or a count.
io.write(...)  Writes its arguments as they are, with nothing between or after.
io.stdout:write(...)  Writes to standard output.
io.stderr:write(...)  Writes to standard error.
math  Numbers.
math.abs(x)  The size of `x` without its sign.
math.acos(x)  The angle in radians whose cosine is `x`.
math.asin(x)  The angle in radians whose sine is `x`.
math.atan(y [, x])  The angle in radians of the point `(x, y)`, in the right quadrant.
math.ceil(x)  The smallest whole number that is not below `x`.
math.cos(x)  The cosine of an angle in radians.
math.deg(x)  Radians as degrees.
math.exp(x)  e to the power of `x`.
math.floor(x)  The largest whole number that is not above `x`.
math.fmod(x, y)  What is left of `x` divided by `y`, rounded towards zero.
math.huge  Infinity.
math.log(x [, base])  The logarithm of `x`, natural unless a base is given.
math.max(x, ...)  The largest argument.
math.maxinteger  The largest integer.
math.min(x, ...)  The smallest argument.
math.mininteger  The smallest integer.
math.modf(x)  The whole part of `x`, and the rest.
math.pi  The ratio of a circle's round to its width.
math.rad(x)  Degrees as radians.
math.random([m [, n]])  A number from 0 up to 1; with `m` a whole one from 1 to `m`; with both, from `m` to `n`.
math.randomseed([x])  Starts the row of random numbers anew, the same row for the same `x`.
math.sin(x)  The sine of an angle in radians.
math.sqrt(x)  The square root.
math.tan(x)  The tangent of an angle in radians.
math.tointeger(x)  `x` as an integer, or nil where it is not whole.
math.type(x)  `"integer"`, `"float"`, or nil for what is no number.
math.ult(m, n)  Whether `m` is below `n`, both read as unsigned.
os  The clock.
os.clock()  Seconds of processor time used so far.
os.date([format [, time]])  A time as text, or with `"*t"` as a table; `"!"` in front means UTC.
os.difftime(later, earlier)  Seconds between two times.
os.time([table])  Now in seconds, or the time that `{ year =, month =, day =, … }` names.
string  Texts; its functions are also methods: `s:upper()`.
string.byte(s [, i [, j]])  The numbers of the bytes from `i` to `j`, the first one unless said.
string.char(...)  A string of the bytes with these numbers.
string.find(s, pattern [, from [, plain]])  Where `pattern` first matches: start, end and captures; or nil.
string.format(template, ...)  Fills in a template: `%s` text, `%d` whole number, `%.2f` decimals, `%q` a Lua literal.
string.gmatch(s, pattern [, from])  For a `for` loop: every match, or its captures.
string.gsub(s, pattern, by [, most])  Replaces matches by a text, a table's entries or a function's results; and counts.
string.len(s)  The number of bytes.
string.lower(s)  In small letters.
string.match(s, pattern [, from])  The captures of the first match, or all of it; nil without one.
string.pack(format, ...)  Values as the bytes of a binary layout.
string.packsize(format)  The number of bytes of a binary layout.
string.rep(s, n [, between])  `s` repeated `n` times.
string.reverse(s)  The bytes in reverse.
string.sub(s, i [, j])  The bytes from `i` to `j`; negative ones count from the end.
string.unpack(format, s [, from])  Values out of the bytes of a binary layout, and where they end.
string.upper(s)  In capital letters.
table  Lists.
table.concat(list [, between [, i [, j]]])  The items of a list joined into one text.
table.insert(list [, at], value)  Puts a value into a list, at the end unless told where.
table.move(from, i, j, at [, to])  Copies the items `i` to `j` of one list to `at` of another.
table.pack(...)  A table of the arguments, with their number in `n`.
table.remove(list [, at])  Takes out an item, the last unless told which, and returns it.
table.sort(list [, before])  Sorts a list in place; `before(a, b)` says whether `a` comes first.
table.unpack(list [, i [, j]])  The items of a list as separate values.
utf8  Texts beyond ASCII.
utf8.char(...)  A text of the characters with these code points.
utf8.charpattern  A pattern that matches one character.
utf8.codepoint(s [, i [, j]])  The code points of the characters that start between bytes `i` and `j`.
utf8.codes(s)  For a `for` loop: each byte position and code point.
utf8.len(s [, i [, j]])  The number of characters, or nil and where the text is not UTF-8.
utf8.offset(s, n [, i])  The byte where the `n`th character starts.
app  What can be called outside Lua: `app.integrations`.
archive  Snapshots that `kosmo snapshot` has saved.
archive.read(file [, taken_at])  The lists of a snapshot by name; of the newest one, unless its time begins otherwise.
docs  The reference, as text.
docs.list()  What there is to read.
docs.read(page)  A page of the reference, `"heroku"` or `"heroku.list_dynos"`.
docs.search(words)  The pages and functions that speak of these words.
lua_list_docs()  The same as `docs.list`.
lua_read_doc(page)  The same as `docs.read`.
lua_search_docs(words)  The same as `docs.search`.
json  JSON in and out, nulls and empty lists included.
json.array(table)  The table as a JSON list, even when it is empty.
json.decode(text)  A JSON text as Lua values.
json.encode(value)  A value as JSON text.
json.null  The null of JSON, where nil would leave a hole.
json.object(table)  The table as a JSON object, even when it is empty.
display(value [, options])  Shows a value here and now, as a cell's value is; `{ id = "x" }` names it for later.
display.clear([options])  Takes away what the cell has shown; `{ wait = true }` waits until there is something new.
display.html(text [, options])  Shows HTML without its scripts, styles and remote pictures.
display.json(data [, options])  Shows a table, or JSON text, as JSON that unfolds.
display.latex(text [, options])  Shows a formula: `"$x^2$"`.
display.markdown(text [, options])  Shows Markdown without raw HTML and pictures.
display.png(data [, options])  Shows a picture: the bytes of a PNG, or their base64.
display.svg(text [, options])  Shows an SVG as a picture.
display.update(id, value)  Shows a value in place of what has this id; `{ id = "x", update = true }` does it for markup.
list  Lists, above all of records. A key is a function or a field, `"app.name"`; a test also `{ state = "crashed" }`.
list.count_by(list, key)  How many items there are of each key, in a table by key; null is one key.
list.filter(list, test)  The items that pass a test, with the columns of the list.
list.find(list, test)  The first item that passes a test, or nil.
list.flatten(lists)  The items of all lists in a list, as one list.
list.group_by(list, key)  A list of the items of each key, in a table by key; null is one key.
list.index_by(list, key)  The items in a table by key; two items with one key are an error.
list.join(list, separator [, key])  The items, or their values of `key`, as one text; null is an empty text.
list.map(list, f)  The results of `f(item)`, or the values of a field, in order; null stands for nil.
list.reject(list, test)  The items that do not pass a test.
list.sort_by(list, key [, order])  The items in the order of their keys, with `"desc"` from the largest; null is last.
list.sum_by(list, key)  The sum of a number of each item; null counts as nothing.
list.take(list, count)  The first `count` items.
list.drop(list, count)  All but the first `count` items.
list.unique_by(list, key)  The first item of each key.
time  The time of the data, and times relative to it: texts such as `2026-11-20T09:00:00Z`, which `<` compares.
time.ago(days)  The time so many days before `time.now()`, or after it for a negative number.
time.days_since(text)  How many days ago a time was, fractions included.
time.days_until(text)  In how many days a time is, fractions included.
time.now()  The time of the data: of the demo, of a recording, or the current one.
time.set_now(text)  Makes a time, or a day, the one that `time.now()` returns in this session.
mcp  The servers of the Model Context Protocol that are configured; their tools are in `app.mcp`.
mcp.call(path [, arguments])  Calls a tool, `"server.tool"`, as `app.mcp.server.tool(arguments)` does.
mcp.get_prompt(server, name [, arguments])  A prompt of a server, filled in: a table with `messages`.
mcp.prompts(server)  The prompts of a server, which is started for that.
mcp.read_resource(server, uri)  What a resource of a server holds: a table with `contents`.
mcp.resources(server)  The resources of a server and the templates of such, for which it is started.
mcp.schema(path)  The JSON Schema of a tool's arguments, `"server.tool"`.
mcp.servers()  All servers that are configured, and whether they are trusted; starts none.
mcp.tools(server)  The tools of a server, which is started for that.
parallel  Many calls at once.
parallel.map(list, f [, options])  The results of `f(item)` for every item, in order: 16 at a time, or `{ limit = 32 }`.
regex  Regular expressions, bare or delimited (`/…/i`), with a time limit each.
regex.gsub(s, pattern, by [, most])  Replaces matches by a text in which `$1` and `${name}` are groups; and counts.
regex.match(s, pattern [, flags])  The first match: `[0]` all of it, `[1]` and names its groups; nil without one.
regex.match_all(s, pattern [, flags])  A list of every match, each as `regex.match` returns it.
"""
