-- Encode Lua values as JSON.
--
-- Keys keep the order of their shape (see `json.lua`), other keys that of the script's text (see `key_order.lua`).
-- Errors name the place in the value. JSON that only Python reads may be *wide* (see `extended_json.py`): numbers that
-- JSON lacks, and integer keys, are written with marks.

local native, json, key_order = ...
local byte, find, format, gsub, rep, sub = string.byte, string.find, string.format, string.gsub, string.rep, string.sub
local concat, mathtype, huge, utf8len = table.concat, math.type, math.huge, utf8.len
local error, ipairs, next, rawget, tonumber, tostring, type = error, ipairs, next, rawget, tonumber, tostring, type
local ours = native.ours
local null, MAX_DEPTH = json.null, json.depth
local CHECK_INTERVAL = 4096 -- values between two checks of the clock and of the size
local MAX_CACHED_KEYS = 1024 -- quoted keys that are cached
local MAX_INTEGER_BYTES = 32 -- bytes that any integer fits into

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\b"] = "\\b", ["\f"] = "\\f" }
local function quote_control(character) return escapes[character] or format("\\u%04x", byte(character)) end

-- Return a text as a JSON string, or nil if it is not UTF-8.
function json.quote(text)
  if find(text, '[%c"\\\128-\255]') then
    if not utf8len(text) then return nil end
    text = gsub(text, '[%c"\\]', quote_control)
  end
  return '"' .. text .. '"'
end
local quote = json.quote

-- Quoted keys of the messages to the parent, with their colons.
local message_keys = {}
for _, key in ipairs({ "kind", "form", "blob", "values", "memory", "type", "handle", "place", "stream", "path", "format" }) do
  message_keys[key] = quote(key) .. ":"
end

-- Return the place of a mistake in the value, such as `result[3].owner`.
local function path_of(state, depth)
  local path = state.name
  for i = 1, depth do
    local key = state[i]
    if type(key) == "number" then path = format("%s[%s]", path, key)
    elseif type(key) ~= "string" then path = format("%s[%s]", path, type(key))
    elseif find(key, "^[%a_][%w_]*$") then path = path == "" and key or path .. "." .. key
    else path = format("%s[%s]", path, json.quote(key) or "a key that is not UTF-8") end
  end
  return path == "" and "the value" or path
end

local function fail(state, depth, message) error({ json = format("%s: %s", path_of(state, depth), message) }, 0) end

local function fail_without_form(state, depth, message)
  fail(state, depth, format("%s has no %s form", message, state.wide == nil and "JSON" or "Python"))
end

-- Return the JSON form of a table, read raw: "list" and its length, or "object".
function json.form(value)
  local kind = (ours(value) or {}).kind
  if kind == "object" or kind == "record" then return "object" end
  local count, max_index = 0, 0
  for key in next, value do
    if mathtype(key) ~= "integer" or key < 1 then return "object" end
    count = count + 1
    if key > max_index then max_index = key end
  end
  if max_index > 2 * count + 8 then return "object" end -- a few holes become nulls, but a sparse table is an object
  return "list", max_index
end

-- Return the keys of a table that its shape does not have, or nil if there are none.
local function keys_outside_shape(value, shape)
  local extra_keys
  for key in next, value do
    if not (shape and shape.has[key]) then
      extra_keys = extra_keys or {}
      extra_keys[#extra_keys + 1] = key
    end
  end
  return extra_keys
end

-- Return the keys of an object in order, those of its shape first.
function json.keys(value)
  local shape = ours(value)
  if shape and shape.kind ~= "record" then shape = nil end
  local keys = {}
  if shape then
    for _, key in ipairs(shape.keys) do
      if rawget(value, key) ~= nil or shape.nulls[key] then keys[#keys + 1] = key end
    end
  end
  for _, key in ipairs(key_order.sorted(keys_outside_shape(value, shape) or {})) do keys[#keys + 1] = key end
  return keys
end

-- Encode a number that JSON lacks, or return nil if the JSON must not be wide.
local function write_mark(number, state)
  if state.wide == nil then return nil end
  state.wide = true
  return '{"\\u0000n":"' .. number .. '"}'
end

local function write_number(value, state, depth)
  if mathtype(value) == "integer" then return format("%d", value) end
  if value ~= value then return write_mark("nan", state) or fail_without_form(state, depth, "NaN") end
  if value == huge or value == -huge then
    return write_mark(value > 0 and "inf" or "-inf", state) or fail_without_form(state, depth, "infinity")
  end
  local numeral = format("%.15g", value)
  if tonumber(numeral) ~= value then numeral = format("%.17g", value) end
  if not find(numeral, "[%.eE]") then numeral = numeral .. ".0" end
  return numeral
end

-- Join the pieces written since the last call. Raise an error if the value is too large or takes too long.
local function flush_pieces(state, pieces, depth, next_size)
  native.look()
  local text = concat(pieces)
  for i = #pieces, 1, -1 do pieces[i] = nil end
  state.done[#state.done + 1] = text
  state.size = state.size + #text
  if state.size + (next_size or 0) > state.most then
    fail(state, depth, format("more than %d bytes of JSON", state.most))
  end
end

local write

local function write_list(value, count, state, pieces, depth)
  pieces[#pieces + 1] = "["
  for i = 1, count do
    if i > 1 then pieces[#pieces + 1] = "," end
    state[depth + 1] = i
    write(rawget(value, i), state, pieces, depth + 1)
  end
  pieces[#pieces + 1] = "]"
end

-- Return a quoted key with its colon. Wide JSON marks integer keys, and text keys that look like a mark. Quoted text
-- keys are cached, because most tables share their keys with others.
local function write_key(key, container, state, depth)
  local name, is_number = key, mathtype(key) == "integer"
  if type(key) ~= "string" and not is_number then
    fail_without_form(state, depth, format("a key that is a %s", mathtype(key) or type(key)))
  end
  if state.wide ~= nil and (is_number or byte(key) == 0) then
    state.wide = true
    key = "\0" .. key
  elseif is_number and rawget(container, tostring(key)) ~= nil then
    fail(state, depth, format("the keys %d and \"%d\" are one and the same in JSON", key, key))
  end
  local quoted_key = (quote(tostring(key)) or fail_without_form(state, depth, "a key that is not UTF-8")) .. ":"
  if not is_number and state.kept < MAX_CACHED_KEYS then
    state.quoted[name], state.kept = quoted_key, state.kept + 1
  end
  return quoted_key
end

local function write_field(key, field, container, comma, state, pieces, depth)
  pieces[#pieces + 1] = comma .. (message_keys[key] or state.quoted[key] or write_key(key, container, state, depth))
  state[depth + 1] = key
  write(field, state, pieces, depth + 1)
end

local function write_object(value, state, pieces, depth)
  local shape = ours(value)
  if shape and shape.kind ~= "record" then shape = nil end
  local comma = ""
  pieces[#pieces + 1] = "{"
  if shape then
    local keys, nulls, quoted_keys = shape.keys, shape.nulls, shape.quoted
    for i = 1, #keys do
      local key = keys[i]
      local field = rawget(value, key)
      if field ~= nil or nulls[key] then
        local quoted_key = quoted_keys[i]
        state[depth + 1] = key
        if not quoted_key then write_field(key, field, value, comma, state, pieces, depth)
        elseif type(field) == "string" and not find(field, '[%c"\\\128-\255]') then -- fast path for most fields
          pieces[#pieces + 1] = comma .. quoted_key .. '"' .. field .. '"'
        else
          pieces[#pieces + 1] = comma .. quoted_key
          write(field, state, pieces, depth + 1)
        end
        comma = ","
      end
    end
  end
  local extra_keys = keys_outside_shape(value, shape)
  if extra_keys then
    if state.ordered then extra_keys = key_order.sorted(extra_keys) end
    for i = 1, #extra_keys do
      write_field(extra_keys[i], rawget(value, extra_keys[i]), value, comma, state, pieces, depth)
      comma = ","
    end
  end
  pieces[#pieces + 1] = "}"
end

write = function(value, state, pieces, depth)
  local kind = type(value)
  state.steps = state.steps + 1
  if state.steps % CHECK_INTERVAL == 0 then flush_pieces(state, pieces, depth) end
  if kind == "string" then
    if #value > CHECK_INTERVAL then flush_pieces(state, pieces, depth, #value) end
    pieces[#pieces + 1] = quote(value) or fail_without_form(state, depth, "a text that is not UTF-8")
  elseif kind == "number" then pieces[#pieces + 1] = write_number(value, state, depth)
  elseif kind == "boolean" then pieces[#pieces + 1] = value and "true" or "false"
  elseif kind == "nil" or rawequal(value, null) then pieces[#pieces + 1] = "null"
  elseif kind ~= "table" or native.is_namespace(value) then
    fail_without_form(state, depth, kind == "table" and "a namespace" or "a " .. kind)
  else
    local ancestors = state.open
    if ancestors[value] then fail_without_form(state, depth, "a table that contains itself") end
    if depth >= MAX_DEPTH then fail(state, depth, "more than " .. MAX_DEPTH .. " levels") end
    native.touch(value)
    ancestors[value] = true
    local form, count = json.form(value)
    if form == "list" then write_list(value, count, state, pieces, depth)
    else write_object(value, state, pieces, depth) end
    ancestors[value] = nil
  end
end

local function encode(value, name, max_bytes, ordered, wide)
  if mathtype(value) == "integer" and max_bytes >= MAX_INTEGER_BYTES then return format("%d", value), wide end
  local pieces = {}
  local state = {
    false, false, false, false, -- preallocates room for the path to a value, which would otherwise grow level by level
    name = name, most = max_bytes, ordered = ordered, wide = wide, -- `wide` is nil if the JSON must not be wide
    open = {}, done = {}, size = 0, steps = 0, quoted = {}, kept = 0,
  }
  write(value, state, pieces, 0)
  if #state.done == 0 and state.most == huge then return concat(pieces), state.wide end
  flush_pieces(state, pieces, 0)
  return concat(state.done), state.wide
end

-- Encode a trusted value as compact JSON, its keys in no particular order.
function json.write(value) return encode(value, "", huge) end

-- Encode a script's value as compact JSON of at most `most` bytes. `path` names the value in errors, which are tables
-- { json = message }.
function json.write_value(value, path, max_bytes)
  return (encode(value, path or "", max_bytes or huge, true))
end

-- Encode a script's value for Python: like `write_value`, but return also whether the JSON is wide.
function json.write_wide(value, path, max_bytes)
  return encode(value, path, max_bytes or huge, true, false)
end

-- Encode a script's value with line breaks and an indentation of two spaces.
function json.write_pretty(value)
  local compact, pieces, depth, position = json.write_value(value), {}, 0, 1
  local function line() pieces[#pieces + 1] = "\n" .. rep("  ", depth) end
  while position <= #compact do
    local character = sub(compact, position, position)
    if character == '"' then
      local _, next_position = json.read_text(compact, position)
      pieces[#pieces + 1] = sub(compact, position, next_position - 1)
      position = next_position
    else
      local pair = sub(compact, position, position + 1)
      if pair == "[]" or pair == "{}" then pieces[#pieces + 1] = pair; position = position + 1
      elseif character == "[" or character == "{" then pieces[#pieces + 1] = character; depth = depth + 1; line()
      elseif character == "]" or character == "}" then depth = depth - 1; line(); pieces[#pieces + 1] = character
      elseif character == "," then pieces[#pieces + 1] = character; line()
      elseif character == ":" then pieces[#pieces + 1] = ": "
      else pieces[#pieces + 1] = character end
      position = position + 1
    end
  end
  return concat(pieces)
end
