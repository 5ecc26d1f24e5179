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
local setmetatable = debug.setmetatable

local DEPTH = 100 -- levels of nesting, for decoding and encoding
local SHARED = 64 -- keys of an object that may share its shape; a larger object has a shape of its own

local json = { depth = DEPTH }

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
  local grown = { next = {}, null = {}, keys = {}, nulls = {}, metatables = {} }
  for i, known in ipairs(node.keys) do
    if known == key then return node end -- a repeated key keeps its first place
    grown.keys[i] = known
    grown.nulls[known] = node.nulls[known]
  end
  grown.keys[#grown.keys + 1] = key
  grown.nulls[key] = is_null or nil
  return grown
end

-- Return a copy of a node for a single object, which grows in place.
local function copy_of(node)
  local own = { keys = {}, nulls = {}, metatables = {}, known = {} }
  for i, key in ipairs(node.keys) do own.keys[i], own.nulls[key], own.known[key] = key, node.nulls[key], true end
  return own
end

local function add_key(own, key, is_null)
  if not own.known[key] then own.keys[#own.keys + 1] = key end
  own.known[key], own.nulls[key] = true, is_null or nil
  return own
end

local function new_root() return { next = {}, null = {}, keys = {}, nulls = {}, metatables = {} } end
local root = new_root()
local grown = 0

local function step(node, key, is_null)
  local way = is_null and node.null or node.next
  local found = way[key]
  if not found then
    found = node_after(node, key, is_null)
    way[key] = found
    grown = grown + 1
  end
  return found
end

-- Return the metatable for objects of this shape; `kind` (a record type, or false) adds behaviour to it.
local function metatable_of(node, kind)
  local found = node.metatables[kind]
  if not found then
    local has, quoted_keys = {}, {}
    for i, key in ipairs(node.keys) do -- integers and keys that look like a mark are not quoted in advance
      has[key], quoted_keys[i] = true, type(key) == "string" and byte(key) ~= 0 and json.quote(key) .. ":"
    end
    found = native.register({
      __metatable = false, kind = "record", keys = node.keys, nulls = node.nulls, has = has, quoted = quoted_keys,
    })
    found.type = kind or nil
    native.behave(found, kind)
    node.metatables[kind] = found
  end
  return found
end

-- Reading ---------------------------------------------------------------------------------------

local escapes = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function fail(text, at, what)
  local line, start = 1, 1
  for place in string.gmatch(sub(text, 1, at - 1), "\n()") do line, start = line + 1, place end
  error({ json = format("%s at line %d, column %d", what, line, at - start + 1) }, 0)
end

local function unescape(text, from, to)
  local raw = sub(text, from, to)
  local out, at = {}, 1
  while true do
    local bar = find(raw, "\\", at, true)
    if not bar then out[#out + 1] = sub(raw, at) break end
    out[#out + 1] = sub(raw, at, bar - 1)
    local letter = sub(raw, bar + 1, bar + 1)
    if letter == "u" then
      local code = tonumber(match(raw, "^%x%x%x%x", bar + 2) or fail(text, from + bar, "a broken \\u escape"), 16)
      at = bar + 6
      if code >= 0xD800 and code < 0xDC00 then
        local low = tonumber(match(raw, "^\\u(%x%x%x%x)", at) or "0", 16)
        if low >= 0xDC00 and low < 0xE000 then
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
          at = at + 6
        else
          code = 0xFFFD -- a lone surrogate has no UTF-8 form
        end
      elseif code >= 0xDC00 and code < 0xE000 then
        code = 0xFFFD
      end
      out[#out + 1] = utf8char(code)
    else
      out[#out + 1] = escapes[letter] or fail(text, from + bar, "an unknown escape")
      at = bar + 2
    end
  end
  return concat(out)
end

-- Read a text from its opening quote on. Return the value and the position after the closing quote.
local function read_text(text, at)
  local _, stop = find(text, '^[^"\\%c]*', at + 1)
  local following = byte(text, stop + 1)
  if following == 34 then return sub(text, at + 1, stop), stop + 2 end
  local place = stop + 1
  while true do
    if following == 92 then place = place + 2
    elseif following == 34 then return unescape(text, at + 1, place - 1), place + 1
    elseif following == nil then fail(text, at, "a text that does not end")
    elseif following < 32 then fail(text, place, "a control character in a text")
    else place = place + 1 end
    place = find(text, '["\\%c]', place) or #text + 1
    following = byte(text, place)
  end
end

json.read_text = read_text

local read_value
local wide = false -- whether the current text has marks
local NUMBERS = { nan = -(0 / 0), inf = math.huge, ["-inf"] = -math.huge }

-- Return the number that a marked object stands for and the position after it, or nil for an ordinary object.
local function marked_number(text, at)
  local name, stop = match(text, '^{"\\u0000n":"([^"]*)"}()', at)
  return NUMBERS[name], stop
end

-- Return the key that a marked key stands for: an integer, or a text that begins with the mark itself.
local function unmarked(key) return byte(key, 2) == 0 and sub(key, 2) or tonumber(sub(key, 2)) end

local function skip(text, at)
  local _, stop = find(text, "^[ \n\r\t]*", at)
  return stop + 1
end

local function read_list(text, at, depth)
  local list, count = {}, 0
  at = skip(text, at + 1)
  if byte(text, at) == 93 then return setmetatable(list, array), at + 1 end
  while true do
    local value
    value, at = read_value(text, at, false, depth)
    count = count + 1
    list[count] = value
    local following = byte(text, at)
    if following ~= 44 and following ~= 93 then at = skip(text, at); following = byte(text, at) end
    if following == 44 then at = at + 1
    elseif following == 93 then return setmetatable(list, array), at + 1
    else fail(text, at, "`,` or `]` is missing") end
  end
end

local function read_object(text, at, kind, depth)
  local object, node, map = {}, root, nil
  local fields = kind and kind.fields
  at = at + 1
  if byte(text, at) ~= 34 then at = skip(text, at) end
  if byte(text, at) == 125 then return setmetatable(object, metatable_of(node, kind)), at + 1 end
  while true do
    if byte(text, at) ~= 34 then
      at = skip(text, at)
      if byte(text, at) ~= 34 then fail(text, at, "a key in quotes is missing") end
    end
    local key, value
    key, at = read_text(text, at)
    if wide and byte(key) == 0 then key = unmarked(key) end
    if byte(text, at) ~= 58 then
      at = skip(text, at)
      if byte(text, at) ~= 58 then fail(text, at, "`:` is missing") end
    end
    value, at = read_value(text, at + 1, fields and fields[key] or false, depth)
    object[key] = value
    if value == null then object[key] = nil end
    if map then add_key(map, key, value == null)
    elseif #node.keys >= SHARED then
      map = add_key(copy_of(node), key, value == null)
      node = map
    elseif value == null then node = node.null[key] or step(node, key, true)
    else node = node.next[key] or step(node, key, false) end
    local following = byte(text, at)
    if following ~= 44 and following ~= 125 then at = skip(text, at); following = byte(text, at) end
    if following == 44 then at = at + 1
    elseif following == 125 then return setmetatable(object, metatable_of(node, kind)), at + 1
    else fail(text, at, "`,` or `}` is missing") end
  end
end

read_value = function(text, at, kind, depth)
  local first = byte(text, at)
  if first == 34 then return read_text(text, at) end
  if first == 123 or first == 91 then
    if depth >= DEPTH then fail(text, at, "more than " .. DEPTH .. " levels") end
    if first == 123 then
      if wide then
        local number, stop = marked_number(text, at)
        if number then return number, stop end
      end
      return read_object(text, at, kind, depth + 1)
    end
    return read_list(text, at, depth + 1)
  end
  if first == 110 and sub(text, at, at + 3) == "null" then return null, at + 4 end
  if first == 116 and sub(text, at, at + 3) == "true" then return true, at + 4 end
  if first == 102 and sub(text, at, at + 4) == "false" then return false, at + 5 end
  if first == 32 or first == 10 or first == 13 or first == 9 then return read_value(text, skip(text, at), kind, depth) end
  local digits = match(text, "^-?%d+%.?%d*[eE]?[+-]?%d*", at)
  local number = digits and not find(digits, "^-?0%d") and not find(digits, "%.$") and not find(digits, "%.[eE]") and tonumber(digits)
  if number then return number, at + #digits end
  if first == nil then fail(text, at, "the text ends too early") end
  fail(text, at, "no JSON value")
end

-- Decode a JSON text. `kind` is the record type of the outermost object, or nil; `is_wide` tells whether the text is
-- wide. Raises a table { json = message }.
function json.read(text, kind, is_wide)
  wide = is_wide or false
  if grown > 20000 then root, grown = new_root(), 0 end -- texts with ever new keys must not make the trie fill the heap
  local value, at = read_value(text, 1, kind or false, 0)
  at = skip(text, at)
  if at <= #text then fail(text, at, "text after the end of the value") end
  return value
end

-- Decode a list of objects of the record type `kind`, or of the types in `kinds` by position after `first`.
function json.read_rows(text, kind, is_wide, kinds, first)
  wide = is_wide or false
  local rows, count, at = {}, 0, 2
  if byte(text, at) == 93 then return rows end
  while true do
    local row
    count = count + 1
    row, at = read_value(text, at, kinds and kinds[first + count] or kind or false, 1)
    rows[count] = row
    if byte(text, at) ~= 44 then return rows end
    at = at + 1
  end
end

return json
