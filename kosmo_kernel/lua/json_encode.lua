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
local null, DEPTH = json.null, json.depth
local LOOK = 4096 -- values between two checks of the clock and of the size
local KEPT = 1024 -- quoted keys that are cached
local SHORT = 32 -- bytes that any integer fits into

local quoted = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\b"] = "\\b", ["\f"] = "\\f" }
local function quote_control(letter) return quoted[letter] or format("\\u%04x", byte(letter)) end

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
local known = {}
for _, key in ipairs({ "kind", "form", "blob", "values", "memory", "type", "handle", "place", "stream", "path", "format" }) do
  known[key] = quote(key) .. ":"
end

-- Return the place of a mistake in the value, such as `result[3].owner`.
local function path_of(trail, depth)
  local path = trail.name
  for i = 1, depth do
    local key = trail[i]
    if type(key) == "number" then path = format("%s[%s]", path, key)
    elseif type(key) ~= "string" then path = format("%s[%s]", path, type(key))
    elseif find(key, "^[%a_][%w_]*$") then path = path == "" and key or path .. "." .. key
    else path = format("%s[%s]", path, json.quote(key) or "a key that is not UTF-8") end
  end
  return path == "" and "the value" or path
end

local function refuse(trail, depth, what) error({ json = format("%s: %s", path_of(trail, depth), what) }, 0) end

local function formless(trail, depth, what)
  refuse(trail, depth, format("%s has no %s form", what, trail.wide == nil and "JSON" or "Python"))
end

-- Return the JSON form of a table, read raw: "list" and its length, or "object".
function json.form(value)
  local kind = (ours(value) or {}).kind
  if kind == "object" or kind == "record" then return "object" end
  local count, most = 0, 0
  for key in next, value do
    if mathtype(key) ~= "integer" or key < 1 then return "object" end
    count = count + 1
    if key > most then most = key end
  end
  if most > 2 * count + 8 then return "object" end -- a few holes become nulls, but a sparse table is an object
  return "list", most
end

-- Return the keys of a table that its shape does not have, or nil if there are none.
local function own_keys(value, shaped)
  local own
  for key in next, value do
    if not (shaped and shaped.has[key]) then
      own = own or {}
      own[#own + 1] = key
    end
  end
  return own
end

-- Return the keys of an object in order, those of its shape first.
function json.keys(value)
  local shaped = ours(value)
  if shaped and shaped.kind ~= "record" then shaped = nil end
  local keys = {}
  if shaped then
    for _, key in ipairs(shaped.keys) do
      if rawget(value, key) ~= nil or shaped.nulls[key] then keys[#keys + 1] = key end
    end
  end
  for _, key in ipairs(key_order.sorted(own_keys(value, shaped) or {})) do keys[#keys + 1] = key end
  return keys
end

-- Encode a number that JSON lacks, or return nil if the JSON must not be wide.
local function write_mark(number, trail)
  if trail.wide == nil then return nil end
  trail.wide = true
  return '{"\\u0000n":"' .. number .. '"}'
end

local function write_number(value, trail, depth)
  if mathtype(value) == "integer" then return format("%d", value) end
  if value ~= value then return write_mark("nan", trail) or formless(trail, depth, "NaN") end
  if value == huge or value == -huge then
    return write_mark(value > 0 and "inf" or "-inf", trail) or formless(trail, depth, "infinity")
  end
  local short = format("%.15g", value)
  if tonumber(short) ~= value then short = format("%.17g", value) end
  if not find(short, "[%.eE]") then short = short .. ".0" end
  return short
end

-- Join the pieces written since the last call. Raise an error if the value is too large or takes too long.
local function gather(trail, out, depth, coming)
  native.look()
  local piece = concat(out)
  for i = #out, 1, -1 do out[i] = nil end
  trail.done[#trail.done + 1] = piece
  trail.size = trail.size + #piece
  if trail.size + (coming or 0) > trail.most then
    refuse(trail, depth, format("more than %d bytes of JSON", trail.most))
  end
end

local write

local function write_list(value, count, trail, out, depth)
  out[#out + 1] = "["
  for i = 1, count do
    if i > 1 then out[#out + 1] = "," end
    trail[depth + 1] = i
    write(rawget(value, i), trail, out, depth + 1)
  end
  out[#out + 1] = "]"
end

-- Return a quoted key with its colon. Wide JSON marks integer keys, and text keys that look like a mark. Quoted text
-- keys are cached, because most tables share their keys with others.
local function write_key(key, whole, trail, depth)
  local name, is_number = key, mathtype(key) == "integer"
  if type(key) ~= "string" and not is_number then
    formless(trail, depth, format("a key that is a %s", mathtype(key) or type(key)))
  end
  if trail.wide ~= nil and (is_number or byte(key) == 0) then
    trail.wide = true
    key = "\0" .. key
  elseif is_number and rawget(whole, tostring(key)) ~= nil then
    refuse(trail, depth, format("the keys %d and \"%d\" are one and the same in JSON", key, key))
  end
  local quoted_key = (quote(tostring(key)) or formless(trail, depth, "a key that is not UTF-8")) .. ":"
  if not is_number and trail.kept < KEPT then
    trail.quoted[name], trail.kept = quoted_key, trail.kept + 1
  end
  return quoted_key
end

local function write_own(key, field, whole, comma, trail, out, depth)
  out[#out + 1] = comma .. (known[key] or trail.quoted[key] or write_key(key, whole, trail, depth))
  trail[depth + 1] = key
  write(field, trail, out, depth + 1)
end

local function write_object(value, trail, out, depth)
  local shaped = ours(value)
  if shaped and shaped.kind ~= "record" then shaped = nil end
  local comma = ""
  out[#out + 1] = "{"
  if shaped then
    local keys, nulls, quoted_keys = shaped.keys, shaped.nulls, shaped.quoted
    for i = 1, #keys do
      local key = keys[i]
      local field = rawget(value, key)
      if field ~= nil or nulls[key] then
        local quoted_key = quoted_keys[i]
        trail[depth + 1] = key
        if not quoted_key then write_own(key, field, value, comma, trail, out, depth)
        elseif type(field) == "string" and not find(field, '[%c"\\\128-\255]') then -- fast path for most fields
          out[#out + 1] = comma .. quoted_key .. '"' .. field .. '"'
        else
          out[#out + 1] = comma .. quoted_key
          write(field, trail, out, depth + 1)
        end
        comma = ","
      end
    end
  end
  local own = own_keys(value, shaped)
  if own then
    if trail.ordered then own = key_order.sorted(own) end
    for i = 1, #own do
      write_own(own[i], rawget(value, own[i]), value, comma, trail, out, depth)
      comma = ","
    end
  end
  out[#out + 1] = "}"
end

write = function(value, trail, out, depth)
  local kind = type(value)
  trail.steps = trail.steps + 1
  if trail.steps % LOOK == 0 then gather(trail, out, depth) end
  if kind == "string" then
    if #value > LOOK then gather(trail, out, depth, #value) end
    out[#out + 1] = quote(value) or formless(trail, depth, "a text that is not UTF-8")
  elseif kind == "number" then out[#out + 1] = write_number(value, trail, depth)
  elseif kind == "boolean" then out[#out + 1] = value and "true" or "false"
  elseif kind == "nil" or rawequal(value, null) then out[#out + 1] = "null"
  elseif kind ~= "table" or native.is_namespace(value) then
    formless(trail, depth, kind == "table" and "a namespace" or "a " .. kind)
  else
    local open = trail.open
    if open[value] then formless(trail, depth, "a table that contains itself") end
    if depth >= DEPTH then refuse(trail, depth, "more than " .. DEPTH .. " levels") end
    native.touch(value)
    open[value] = true
    local form, count = json.form(value)
    if form == "list" then write_list(value, count, trail, out, depth)
    else write_object(value, trail, out, depth) end
    open[value] = nil
  end
end

local function written(value, name, most, ordered, wide)
  if mathtype(value) == "integer" and most >= SHORT then return format("%d", value), wide end
  local out = {}
  local trail = {
    false, false, false, false, -- preallocates room for the path to a value, which would otherwise grow level by level
    name = name, most = most, ordered = ordered, wide = wide, -- `wide` is nil if the JSON must not be wide
    open = {}, done = {}, size = 0, steps = 0, quoted = {}, kept = 0,
  }
  write(value, trail, out, 0)
  if #trail.done == 0 and trail.most == huge then return concat(out), trail.wide end
  gather(trail, out, 0)
  return concat(trail.done), trail.wide
end

-- Encode a trusted value as compact JSON, its keys in no particular order.
function json.write(value) return written(value, "", huge) end

-- Encode a script's value as compact JSON of at most `most` bytes. `path` names the value in errors, which are tables
-- { json = message }.
function json.write_value(value, path, most)
  return (written(value, path or "", most or huge, true))
end

-- Encode a script's value for Python: like `write_value`, but return also whether the JSON is wide.
function json.write_wide(value, path, most)
  return written(value, path, most or huge, true, false)
end

-- Encode a script's value with line breaks and an indentation of two spaces.
function json.write_pretty(value)
  local compact, out, depth, at = json.write_value(value), {}, 0, 1
  local function line() out[#out + 1] = "\n" .. rep("  ", depth) end
  while at <= #compact do
    local letter = sub(compact, at, at)
    if letter == '"' then
      local _, after = json.read_text(compact, at)
      out[#out + 1] = sub(compact, at, after - 1)
      at = after
    else
      local pair = sub(compact, at, at + 1)
      if pair == "[]" or pair == "{}" then out[#out + 1] = pair; at = at + 1
      elseif letter == "[" or letter == "{" then out[#out + 1] = letter; depth = depth + 1; line()
      elseif letter == "]" or letter == "}" then depth = depth - 1; line(); out[#out + 1] = letter
      elseif letter == "," then out[#out + 1] = letter; line()
      elseif letter == ":" then out[#out + 1] = ": "
      else out[#out + 1] = letter end
      at = at + 1
    end
  end
  return concat(out)
end
