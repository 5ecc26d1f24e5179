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

local MAX_LIST_ITEMS = 100 -- elements of a list that are shown
local MAX_LINE_COLUMNS = 76 -- columns into which a table on one line must fit
local MAX_DEPTH = 20 -- levels of nesting that are shown
local MAX_NODES = 20000 -- tables and values that are shown of one value; each further one is an ellipsis

local MAX_QUOTED_BYTES = 200 -- bytes of a name in an error message

local text = {}

local numbers, last_number = setmetatable({}, { __mode = "k" }), 0

-- Return a name without an address, such as `function: #3`.
local function numbered(value)
  if not numbers[value] then
    last_number = last_number + 1
    numbers[value] = last_number
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

local render_value

local function scalar_text(value)
  local kind = type(value)
  if kind == "string" then return quoted(value) end
  if kind == "function" then return native.function_name(value) or numbered(value) end
  if rawequal(value, json.null) then return "null" end
  if kind == "table" or kind == "thread" or kind == "userdata" then return numbered(value) end
  if value ~= value then return "nan" end -- C may print a sign, which has no meaning
  return tostring(value)
end

native.atom = scalar_text

local function join_on_line(pieces, open, close)
  local length = 2
  for i = 1, #pieces do
    if find(pieces[i], "\n", 1, true) then return nil end
    length = length + #pieces[i] + 2
    if length > MAX_LINE_COLUMNS then return nil end
  end
  local pad = open == "{" and " " or ""
  return open .. pad .. concat(pieces, ", ") .. pad .. close
end

render_value = function(value, seen, path, depth)
  seen.nodes = seen.nodes + 1
  if seen.nodes > MAX_NODES then return "…" end
  if type(value) ~= "table" or rawequal(value, json.null) then return scalar_text(value) end
  if native.is_namespace(value) then return native.namespace_text(value, seen.untouched) end
  if seen[value] then return format("<cycle: %s>", seen[value]) end
  if depth >= MAX_DEPTH then return "{ … }" end
  local metatable = seen.untouched and ours(value)
  if metatable and metatable.kind == "unfilled" then return format("[… %d records]", metatable.state.count) end
  if metatable and metatable.kind == "row" then return "{ a record … }" end
  native.touch(value)
  seen[value] = path
  local pieces, open, close = {}, "{", "}"
  local form, count = json.form(value)
  if form == "list" and (count > 0 or ours(value)) then
    open, close = "[", "]"
    for i = 1, count < MAX_LIST_ITEMS and count or MAX_LIST_ITEMS do
      pieces[i] = render_value(rawget(value, i), seen, format("%s[%d]", path, i), depth + 1)
    end
    if count > MAX_LIST_ITEMS then pieces[#pieces + 1] = format("… %d more, %d in all", count - MAX_LIST_ITEMS, count) end
  else
    local declared = ((ours(value) or {}).type or {}).declared or {}
    for _, key in ipairs((json.keys(value))) do
      local field = rawget(value, key)
      if field == nil then field = type(declared[key]) == "string" and declared[key] or json.null end
      pieces[#pieces + 1] = key_text(key) .. ": " .. render_value(field, seen, path .. "." .. key_text(key), depth + 1)
    end
  end
  seen[value] = nil
  if #pieces == 0 then return open .. close end
  local line = join_on_line(pieces, open, close)
  if line then return line end
  for i = 1, #pieces do pieces[i] = "  " .. string.gsub(pieces[i], "\n", "\n  ") end
  return open .. "\n" .. concat(pieces, ",\n") .. "\n" .. close
end

-- Return the text that `dump` shows, with quotes only inside tables. `untouched` keeps lazy lists and rows unfilled.
function text.render(value, untouched)
  if type(value) == "string" then return value end
  return render_value(value, { nodes = 0, untouched = untouched }, "value", 0)
end

-- Return the text that `tostring` and `print` show: like `dump`, except that a script's `__tostring` is called, and a
-- reference is shown as its name.
function text.tostring(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind ~= "table" then return scalar_text(value) end
  local metatable = getmetatable(value)
  local own = metatable and rawget(metatable, "__tostring")
  if own then
    local result = own(value)
    if type(result) ~= "string" then native.raise("'__tostring' must return a string") end
    return result
  end
  return text.render(value)
end

-- Return the start of a text as valid UTF-8 of at most `max_bytes` bytes.
function text.clipped(value, max_bytes)
  local part = string.sub(value, 1, max_bytes)
  local length, bad_position = utf8.len(part)
  if length then return part end
  if bad_position > max_bytes - 4 and utf8.len(string.sub(part, 1, bad_position - 1)) then
    return string.sub(part, 1, bad_position - 1)
  end
  return (string.gsub(part, "[\128-\255]", "?"))
end

-- Return a name for an error message: in quotes, on one line, and clipped if it is long.
function text.quoted(value) return quoted(text.clipped(tostring(value), MAX_QUOTED_BYTES)) end

-- Return the arguments as texts, joined with tabs.
function text.joined(...)
  local pieces, count = { ... }, select("#", ...)
  for i = 1, count do
    local value = pieces[i]
    -- `concat` writes any other number as `tostring` does.
    if type(value) ~= "number" or value ~= value then pieces[i] = text.tostring(value) end
  end
  return concat(pieces, "\t", 1, count)
end

return text
