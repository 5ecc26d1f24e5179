-- Decode JSON into Lua values, keeping what Lua tables cannot hold; `json_encode.lua` encodes them.
--
-- A decoded object is a table whose metatable is its *shape*: its keys in their original order, and which of them were
-- null. Objects of the same shape share one metatable, found by walking a trie of keys while decoding, so keeping order
-- and nulls takes no memory per object. A decoded list has the metatable `array`, so that an empty list stays a list.
-- Null inside a list is the value `null`. JSON from Python may be *wide*, with marks for values that JSON lacks (see
-- `extended_json.py`).

local native = ...
local byte, find, format, match, sub = string.byte, string.find, string.format, string.match, string.sub
local concat, error, ipairs, tonumber, type, utf8char = table.concat, error, ipairs, tonumber, type, utf8.char
local math_type, setmetatable = math.type, debug.setmetatable

local MAX_DEPTH = 100 -- levels of nesting, for decoding and encoding
local MAX_SHARED_KEYS = 64 -- keys of an object that may share its shape; a larger object has a shape of its own

local json = { depth = MAX_DEPTH }

-- The value that stands for null inside lists.
local null = setmetatable({}, native.register {
  kind = "null",
  __metatable = false, __name = "null",
  __tostring = function() return "null" end,
  __newindex = function() error("json.null cannot be changed", 2) end,
})
json.null = null

-- The metatables of lists, and of empty tables that were declared to be objects.
json.array = native.register({ __metatable = false, kind = "array" })
json.object = native.register({ __metatable = false, kind = "object" })
local array = json.array

-- A node of the trie has the keys so far. `next` has the nodes after one more key with a value, `null` those after one
-- more key with null.
local function node_after(node, key, is_null)
  local new_node = { next = {}, null = {}, keys = {}, nulls = {}, metatables = {} }
  for i, existing_key in ipairs(node.keys) do
    if existing_key == key then return node end -- a repeated key keeps its first place
    new_node.keys[i] = existing_key
    new_node.nulls[existing_key] = node.nulls[existing_key]
  end
  new_node.keys[#new_node.keys + 1] = key
  new_node.nulls[key] = is_null or nil
  return new_node
end

-- Return a copy of a node for a single object, which grows in place.
local function copy_of(node)
  local copy = { keys = {}, nulls = {}, metatables = {}, known = {} }
  for i, key in ipairs(node.keys) do copy.keys[i], copy.nulls[key], copy.known[key] = key, node.nulls[key], true end
  return copy
end

local function add_key(node, key, is_null)
  if not node.known[key] then node.keys[#node.keys + 1] = key end
  node.known[key], node.nulls[key] = true, is_null or nil
  return node
end

local function new_root() return { next = {}, null = {}, keys = {}, nulls = {}, metatables = {} } end
local root = new_root()
local node_count = 0

local function step(node, key, is_null)
  local children = is_null and node.null or node.next
  local child = children[key]
  if not child then
    child = node_after(node, key, is_null)
    children[key] = child
    node_count = node_count + 1
  end
  return child
end

-- Return the metatable for objects of this shape; `kind` (a record type, or false) adds behaviour to it.
local function metatable_of(node, kind)
  local metatable = node.metatables[kind]
  if not metatable then
    local has_key, quoted_keys = {}, {}
    for i, key in ipairs(node.keys) do -- integers and keys that look like a mark are not quoted in advance
      has_key[key], quoted_keys[i] = true, type(key) == "string" and byte(key) ~= 0 and json.quote(key) .. ":"
    end
    metatable = native.register({
      __metatable = false, kind = "record", keys = node.keys, nulls = node.nulls, has = has_key, quoted = quoted_keys,
    })
    metatable.type = kind or nil
    native.behave(metatable, kind)
    node.metatables[kind] = metatable
  end
  return metatable
end

-- Make a table a record of a type with these keys, in order. A key without a value is null, and other keys follow.
function json.record(object, keys, kind)
  local node = root
  for _, key in ipairs(keys) do
    local is_null = rawget(object, key) == nil
    node = (is_null and node.null or node.next)[key] or step(node, key, is_null)
  end
  return setmetatable(object, metatable_of(node, kind))
end

-- Reading ---------------------------------------------------------------------------------------

local escapes = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function fail(text, position, message)
  local line, start = 1, 1
  for line_start in string.gmatch(sub(text, 1, position - 1), "\n()") do line, start = line + 1, line_start end
  error({ json = format("%s at line %d, column %d", message, line, position - start + 1) }, 0)
end

local function unescape(text, from, to)
  local raw = sub(text, from, to)
  local pieces, position = {}, 1
  while true do
    local backslash = find(raw, "\\", position, true)
    if not backslash then pieces[#pieces + 1] = sub(raw, position) break end
    pieces[#pieces + 1] = sub(raw, position, backslash - 1)
    local escape = sub(raw, backslash + 1, backslash + 1)
    if escape == "u" then
      local code_point = tonumber(
        match(raw, "^%x%x%x%x", backslash + 2) or fail(text, from + backslash, "a broken \\u escape"), 16
      )
      position = backslash + 6
      if code_point >= 0xD800 and code_point < 0xE000 then
        local low_surrogate = match(raw, "^\\u([dD][c-fC-F]%x%x)", position)
        if code_point >= 0xDC00 or not low_surrogate then fail(text, from + backslash, "half of a surrogate pair") end
        code_point = 0x10000 + ((code_point - 0xD800) << 10) + (tonumber(low_surrogate, 16) - 0xDC00)
        position = position + 6
      end
      pieces[#pieces + 1] = utf8char(code_point)
    else
      pieces[#pieces + 1] = escapes[escape] or fail(text, from + backslash, "an unknown escape")
      position = backslash + 2
    end
  end
  return concat(pieces)
end

-- Read a text from its opening quote on. Return the value and the position after the closing quote.
local function read_text(text, position)
  local _, stop = find(text, '^[^"\\%c]*', position + 1)
  local next_byte = byte(text, stop + 1)
  if next_byte == 34 then return sub(text, position + 1, stop), stop + 2 end
  local scan_position = stop + 1
  while true do
    if next_byte == 92 then scan_position = scan_position + 2
    elseif next_byte == 34 then return unescape(text, position + 1, scan_position - 1), scan_position + 1
    elseif next_byte == nil then fail(text, position, "a text that does not end")
    elseif next_byte < 32 then fail(text, scan_position, "a control character in a text")
    else scan_position = scan_position + 1 end
    scan_position = find(text, '["\\%c]', scan_position) or #text + 1
    next_byte = byte(text, scan_position)
  end
end

json.read_text = read_text

local read_value
local is_wide_text = false -- whether the current text has marks
local MARKED_NUMBERS = { nan = -(0 / 0), inf = math.huge, ["-inf"] = -math.huge }

-- Return the number that a marked object stands for and the position after it, or nil for an ordinary object.
local function marked_number(text, position)
  local name, stop = match(text, '^{"\\u0000n":"([^"]*)"}()', position)
  return MARKED_NUMBERS[name], stop
end

-- Return the key that a marked key stands for: an integer, or a text that begins with the mark itself.
local function unmarked(key) return byte(key, 2) == 0 and sub(key, 2) or tonumber(sub(key, 2)) end

local function skip(text, position)
  local _, stop = find(text, "^[ \n\r\t]*", position)
  return stop + 1
end

local function read_list(text, position, depth)
  local list, count = {}, 0
  position = skip(text, position + 1)
  if byte(text, position) == 93 then return setmetatable(list, array), position + 1 end
  while true do
    local value
    value, position = read_value(text, position, false, depth)
    count = count + 1
    list[count] = value
    local next_byte = byte(text, position)
    if next_byte ~= 44 and next_byte ~= 93 then position = skip(text, position); next_byte = byte(text, position) end
    if next_byte == 44 then position = position + 1
    elseif next_byte == 93 then return setmetatable(list, array), position + 1
    else fail(text, position, "`,` or `]` is missing") end
  end
end

local function read_object(text, position, kind, depth)
  local object, node, own_node = {}, root, nil
  local fields = kind and kind.fields
  position = position + 1
  if byte(text, position) ~= 34 then position = skip(text, position) end
  if byte(text, position) == 125 then return setmetatable(object, metatable_of(node, kind)), position + 1 end
  while true do
    if byte(text, position) ~= 34 then
      position = skip(text, position)
      if byte(text, position) ~= 34 then fail(text, position, "a key in quotes is missing") end
    end
    local key, value
    key, position = read_text(text, position)
    if is_wide_text and byte(key) == 0 then key = unmarked(key) end
    if byte(text, position) ~= 58 then
      position = skip(text, position)
      if byte(text, position) ~= 58 then fail(text, position, "`:` is missing") end
    end
    value, position = read_value(text, position + 1, fields and fields[key] or false, depth)
    object[key] = value
    if value == null then object[key] = nil end
    if own_node then add_key(own_node, key, value == null)
    elseif #node.keys >= MAX_SHARED_KEYS then
      own_node = add_key(copy_of(node), key, value == null)
      node = own_node
    elseif value == null then node = node.null[key] or step(node, key, true)
    else node = node.next[key] or step(node, key, false) end
    local next_byte = byte(text, position)
    if next_byte ~= 44 and next_byte ~= 125 then position = skip(text, position); next_byte = byte(text, position) end
    if next_byte == 44 then position = position + 1
    elseif next_byte == 125 then return setmetatable(object, metatable_of(node, kind)), position + 1
    else fail(text, position, "`,` or `}` is missing") end
  end
end

read_value = function(text, position, kind, depth)
  local first_byte = byte(text, position)
  if first_byte == 34 then return read_text(text, position) end
  if first_byte == 123 or first_byte == 91 then
    if depth >= MAX_DEPTH then fail(text, position, "more than " .. MAX_DEPTH .. " levels") end
    if first_byte == 123 then
      if is_wide_text then
        local number, stop = marked_number(text, position)
        if number then return number, stop end
      end
      return read_object(text, position, kind, depth + 1)
    end
    return read_list(text, position, depth + 1)
  end
  if first_byte == 110 and sub(text, position, position + 3) == "null" then return null, position + 4 end
  if first_byte == 116 and sub(text, position, position + 3) == "true" then return true, position + 4 end
  if first_byte == 102 and sub(text, position, position + 4) == "false" then return false, position + 5 end
  if first_byte == 32 or first_byte == 10 or first_byte == 13 or first_byte == 9 then
    return read_value(text, skip(text, position), kind, depth)
  end
  local digits = match(text, "^-?%d+%.?%d*[eE]?[+-]?%d*", position)
  local number = digits and not find(digits, "^-?0%d") and not find(digits, "%.$") and not find(digits, "%.[eE]") and tonumber(digits)
  if number then
    -- Lua would make it a float, which has 16 digits.
    local is_long = math_type(number) == "float" and not find(digits, "[.eE]")
    if is_long then fail(text, position, "a whole number of more than 64 bits") end
    if number - number ~= 0 then fail(text, position, "a number that is too large") end
    return number, position + #digits
  end
  if first_byte == nil then fail(text, position, "the text ends too early") end
  fail(text, position, "no JSON value")
end

-- Decode a JSON text. `kind` is the record type of the outermost object, or nil; `is_wide` tells whether the text is
-- wide. Raises a table { json = message }.
function json.read(text, kind, is_wide)
  is_wide_text = is_wide or false
  -- Texts with ever new keys must not make the trie fill the heap.
  if node_count > 20000 then root, node_count = new_root(), 0 end
  local value, position = read_value(text, 1, kind or false, 0)
  position = skip(text, position)
  if position <= #text then fail(text, position, "text after the end of the value") end
  return value
end

-- Decode a list of objects of the record type `kind`, or of the types in `kinds` by position after `first`.
function json.read_rows(text, kind, is_wide, kinds, first)
  is_wide_text = is_wide or false
  local rows, count, position = {}, 0, 2
  if byte(text, position) == 93 then return rows end
  while true do
    local row
    count = count + 1
    row, position = read_value(text, position, kinds and kinds[first + count] or kind or false, 1)
    rows[count] = row
    if byte(text, position) ~= 44 then return rows end
    position = position + 1
  end
end

return json
