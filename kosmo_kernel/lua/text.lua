-- Format Lua values as text for `print`, `dump` and `tostring`.
--
-- Tables become indented, JSON-like text: keys in order, texts inside tables in quotes, a table that contains itself
-- shown by its path, long lists truncated with their count. Addresses are never shown; a function, coroutine or
-- metatabled object gets a number that stays the same within the process.

local native, json = ...
local concat, format, find, rep = table.concat, string.format, string.find, string.rep
local getmetatable, next, rawget, select, tostring, type = debug.getmetatable, next, rawget, select, tostring, type
local ours = native.ours
local setmetatable = setmetatable

local LIST_MOST = 100 -- elements of a list that are shown
local WIDTH = 76 -- columns into which a table on one line must fit
local DEPTH = 20 -- levels of nesting that are shown
local NODES = 20000 -- tables and values that are shown of one value; each further one is an ellipsis

local text = {}

local numbers, last = setmetatable({}, { __mode = "k" }), 0

-- Return a name without an address, such as `function: #3`.
local function numbered(value)
  if not numbers[value] then
    last = last + 1
    numbers[value] = last
  end
  return format("%s: #%d", type(value), numbers[value])
end

-- Return a text in quotes; if it is not UTF-8, its non-ASCII bytes are escaped.
local function quoted(value)
  return json.quote(value) or '"' .. string.gsub(value, '[%c"\\\128-\255]', function(letter)
    return format("\\x%02X", string.byte(letter))
  end) .. '"'
end

local function key_text(key)
  if type(key) == "string" then return find(key, "^[%a_][%w_]*$") and key or quoted(key) end
  return "[" .. native.atom(key) .. "]"
end

local show

local function atom(value)
  local kind = type(value)
  if kind == "string" then return quoted(value) end
  if kind == "function" then return native.function_name(value) or numbered(value) end
  if rawequal(value, json.null) then return "null" end
  if kind == "table" or kind == "thread" or kind == "userdata" then return numbered(value) end
  if value ~= value then return "nan" end -- C may print a sign, which has no meaning
  return tostring(value)
end

native.atom = atom

local function one_line(pieces, open, close)
  local length = 2
  for i = 1, #pieces do
    if find(pieces[i], "\n", 1, true) then return nil end
    length = length + #pieces[i] + 2
    if length > WIDTH then return nil end
  end
  local pad = open == "{" and " " or ""
  return open .. pad .. concat(pieces, ", ") .. pad .. close
end

show = function(value, seen, path, depth)
  seen.nodes = seen.nodes + 1
  if seen.nodes > NODES then return "…" end
  if type(value) ~= "table" or rawequal(value, json.null) then return atom(value) end
  if native.is_namespace(value) then return native.namespace_text(value, seen.untouched) end
  if seen[value] then return format("<cycle: %s>", seen[value]) end
  if depth >= DEPTH then return "{ … }" end
  local metatable = seen.untouched and ours(value)
  if metatable and metatable.kind == "unfilled" then return format("[… %d records]", metatable.state.count) end
  if metatable and metatable.kind == "row" then return "{ a record … }" end
  native.touch(value)
  seen[value] = path
  local pieces, open, close = {}, "{", "}"
  local form, count = json.form(value)
  if form == "list" and (count > 0 or ours(value)) then
    open, close = "[", "]"
    for i = 1, count < LIST_MOST and count or LIST_MOST do
      pieces[i] = show(rawget(value, i), seen, format("%s[%d]", path, i), depth + 1)
    end
    if count > LIST_MOST then pieces[#pieces + 1] = format("… %d more, %d in all", count - LIST_MOST, count) end
  else
    local declared = ((ours(value) or {}).type or {}).declared or {}
    for _, key in ipairs((json.keys(value))) do
      local field = rawget(value, key)
      if field == nil then field = type(declared[key]) == "string" and declared[key] or json.null end
      pieces[#pieces + 1] = key_text(key) .. ": " .. show(field, seen, path .. "." .. key_text(key), depth + 1)
    end
  end
  seen[value] = nil
  if #pieces == 0 then return open .. close end
  local line = one_line(pieces, open, close)
  if line then return line end
  for i = 1, #pieces do pieces[i] = "  " .. string.gsub(pieces[i], "\n", "\n  ") end
  return open .. "\n" .. concat(pieces, ",\n") .. "\n" .. close
end

-- Return the text that `dump` shows, with quotes only inside tables. `untouched` keeps lazy lists and rows unfilled.
function text.render(value, untouched)
  if type(value) == "string" then return value end
  return show(value, { nodes = 0, untouched = untouched }, "value", 0)
end

-- Return the text that `tostring` and `print` show: like `dump`, except that a script's `__tostring` is called, and a
-- reference is shown as its name.
function text.tostring(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind ~= "table" then return atom(value) end
  local metatable = getmetatable(value)
  local own = metatable and rawget(metatable, "__tostring")
  if own then
    local said = own(value)
    if type(said) ~= "string" then native.raise("'__tostring' must return a string") end
    return said
  end
  return text.render(value)
end

-- Return the start of a text as valid UTF-8 of at most `most` bytes.
function text.clipped(value, most)
  local part = string.sub(value, 1, most)
  local length, bad = utf8.len(part)
  if length then return part end
  if bad > most - 4 and utf8.len(string.sub(part, 1, bad - 1)) then return string.sub(part, 1, bad - 1) end
  return (string.gsub(part, "[\128-\255]", "?"))
end

-- Return the arguments as texts, joined with tabs.
function text.joined(...)
  local pieces = {}
  for i = 1, select("#", ...) do pieces[i] = text.tostring((select(i, ...))) end
  return concat(pieces, "\t")
end

return text
