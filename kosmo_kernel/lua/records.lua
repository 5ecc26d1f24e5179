-- Records and lists as Lua sees them: what calls return, filled when first touched.
--
-- A *type* is what the catalogue declares for a function's records: defaults, nullable fields, nested
-- references and the field that a reference reads as. A long list arrives as a number of rows only.
-- Its first touch makes one tiny row table per record, which knows its place; reading a field fetches
-- that field's whole column from the parent, once. Whatever needs a row's own keys (writing to it,
-- `pairs`, `next`) turns the row into a plain record. So a list that is only read is never copied, and
-- rows that were not changed go back to the parent as numbers.
--
-- Soundness: a row is *pristine* while it has its row metatable and its place is not in `dirty`. Every
-- write to a row reaches __newindex and makes it plain. A nested record or list that was handed out in a
-- way that lets it change unseen marks its row dirty.

local native, json = ...
local next, rawget, rawset, rawequal, select, tostring, type = next, rawget, rawset, rawequal, select, tostring, type
local getmetatable, setmetatable = debug.getmetatable, debug.setmetatable
local ours, register = native.ours, native.register
local concat, format, integer = table.concat, string.format, math.type
local null = json.null

local records = {}

local ROW = {} -- the key under which a row keeps its place; no script can name it
local SHOWN = 64 << 10 -- bytes of the text of a value that is no data
local BLOCK = 256 -- rows fetched at once when rows become plain

-- What all records of a type can do ---------------------------------------------------------------

-- How a nested reference reads: its name, or the next best; nil when it has none.
local function label_of(value)
  local metatable = ours(value)
  local kind = metatable and metatable.type
  if kind and kind.label then return value[kind.label] end
end

local function text_of(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" then return tostring(value) end
  if kind == "table" then
    local label = label_of(value)
    return label ~= nil and tostring(label) or nil
  end
end
records.text_of = text_of

-- `..` where one side is a record or nil; trusted code has set it for nil as well.
local function joined(a, b)
  local left, right = text_of(a), text_of(b)
  if left == nil and a == nil and native.was_null() then left = "" end
  if right == nil and b == nil and native.was_null() then right = "" end
  if left and right then return left .. right end
  for i = 1, 2 do -- a script's own table may know how to join
    local side = i == 1 and a or i == 2 and b
    local metatable = type(side) == "table" and not ours(side) and getmetatable(side)
    local join = metatable and rawget(metatable, "__concat")
    if join then return join(a, b) end
  end
  if left == nil then native.raise_join(a) end
  native.raise_join(b)
end
records.joined = joined

local function compare(operator)
  return function(a, b)
    local left, right = text_of(a), text_of(b)
    if not left or not right then
      local one, other = type(a), type(b)
      native.raise(one == other and format("attempt to compare two %s values", one)
        or format("attempt to compare %s with %s", one, other))
    end
    if operator == "<" then return left < right end
    return left <= right
  end
end
local less, less_or_equal = compare("<"), compare("<=")

-- What an absent field reads as: its declared default, a string method of a reference, or nil. A
-- declared field that is nil is noted, since joining exactly that one gives an empty text.
local function absent(value, key, kind)
  local declared = kind.declared[key]
  if declared ~= nil then
    if declared ~= true then return declared end
    native.note_null()
    return nil
  end
  if kind.label and type(key) == "string" then
    local method = native.string_method(key)
    if method then
      return function(self, ...)
        if rawequal(self, value) then self = label_of(value) end
        return method(self, ...)
      end
    end
  end
end

-- New keys only: gives a record's metatable what its type can do. `kind` is a type or false.
function records.behave(metatable, kind)
  if not kind then return end
  metatable.__index = function(value, key) return absent(value, key, kind) end
  metatable.__concat = joined
  if kind.label then
    metatable.__lt, metatable.__le = less, less_or_equal
    metatable.__tostring = function(value) return text_of(value) or native.render(value) end
  end
end

-- Types from the parent: { label?, names = { … }, declared = { field = default or true }, fields = { name = type } }
local types = {}
function records.declare(name, kind)
  types[name] = kind
  kind.name = name
  kind.root = true
end

local function type_named(name) return name and types[name] or nil end
local untyped = { declared = {}, fields = {} }

-- Long lists ----------------------------------------------------------------------------------------

local fill, row_metatable

local function fetch_column(state, path)
  local header, texts = native.ask({ kind = "column", handle = state.handle, path = path })
  return header.form, header.form ~= "none" and native.steady(json.read, texts[1], nil, header.wide) or nil
end

-- The values of a field of all rows, from the parent, or false where no record has the field.
local function load_column(state, path, columns, key, kind)
  if type(key) ~= "string" and integer(key) ~= "integer" then return false end
  local own = { table.unpack(path) }
  own[#own + 1] = key
  local form, values = fetch_column(state, json.array_of(own))
  local column
  if form == "none" then
    column = false
  elseif form == "records" then
    -- `values` says where there is an object; each becomes a row of its own when first read.
    local metatable = row_metatable(state, own, kind.fields[key] or untyped)
    column = setmetatable({}, { __index = function(made, place)
      if values[place] ~= true then return nil end
      local row = setmetatable({ [ROW] = place }, metatable)
      rawset(made, place, row)
      return row
    end })
    columns[key] = column
    return column
  else
    for place = 1, state.count do
      if values[place] == null then values[place] = nil end
    end
    column = setmetatable(values, nil)
    if form == "mixed" then state.loose[column] = true end
  end
  columns[key] = column
  return column
end

-- The rows around a place as plain records, fetched in blocks.
local function plain_row(state, place)
  local first = (place - 1) // BLOCK * BLOCK
  local block = state.blocks[first]
  if not block then
    local header, texts = native.ask({ kind = "rows", handle = state.handle, first = first, count = BLOCK })
    block = native.steady(json.read_rows, texts[1], state.type, header.wide)
    state.blocks[first] = block
  end
  return block[place - first]
end

-- Turn a row, or a record nested in one, into a plain record that keeps its identity.
local function make_plain(row)
  local metatable = getmetatable(row)
  local state, place = metatable.state, rawget(row, ROW)
  local plain = plain_row(state, place)
  for _, key in ipairs(metatable.path) do plain = rawget(plain, key) end
  local columns = metatable.columns
  rawset(row, ROW, nil)
  for key, value in next, plain do
    local column = columns[key]
    local handed_out = column and type(value) == "table" and rawget(column, place)
    rawset(row, key, handed_out or value)
  end
  setmetatable(row, getmetatable(plain))
  if #metatable.path > 0 then state.dirty[place] = true end
end

row_metatable = function(state, path, kind)
  local columns = {}
  local metatable = register { __metatable = false, kind = "row", state = state, path = path, columns = columns, type = kind }
  records.behave(metatable, kind)
  metatable.__index = function(row, key)
    local column = columns[key]
    if column == nil then column = load_column(state, path, columns, key, kind) end
    local value
    if column then
      local place = rawget(row, ROW)
      value = column[place]
      if value ~= nil then
        if type(value) == "table" and state.loose[column] then state.dirty[place] = true end
        return value
      end
    end
    return absent(row, key, kind)
  end
  metatable.__newindex = function(row, key, value)
    make_plain(row)
    row[key] = value
  end
  metatable.__pairs = function(row)
    make_plain(row)
    return next, row, nil
  end
  return metatable
end

fill = function(list)
  local state = getmetatable(list).state
  local metatable = state.row_metatable
  setmetatable(list, state.filled)
  if state.rows then
    for place, row in ipairs(native.steady(json.read_rows, state.rows, state.type, state.wide)) do rawset(list, place, row) end
    state.rows = nil
  else
    for place = 1, state.count do rawset(list, place, setmetatable({ [ROW] = place }, metatable)) end
  end
end

local released = {}

-- A list that the parent keeps: `count` rows of a type, and their JSON when they are few.
function records.list(header, rows)
  local kind = type_named(header.type) or untyped
  local state = {
    handle = header.handle, count = header.count, type = kind, rows = rows, wide = header.wide, dirty = {}, blocks = {}, loose = {},
  }
  state.filled = register { __metatable = false, kind = "list", type = kind, state = state }
  state.row_metatable = row_metatable(state, {}, kind)
  -- When no row, column or list is left, the parent may forget the records too.
  state.sentinel = setmetatable({}, { __gc = function() released[#released + 1] = state.handle end })
  local function filled(list) fill(list) return list end
  return setmetatable({}, register {
    __metatable = false, kind = "unfilled", type = kind, state = state,
    __len = function(list) fill(list) return #list end,
    __index = function(list, key) fill(list) return list[key] end,
    __newindex = function(list, key, value) fill(list) list[key] = value end,
    __pairs = function(list) return next, filled(list), nil end,
  })
end

function records.released()
  local now = released
  released = {}
  return json.array_of(now)
end

-- Make sure that raw access sees what is there.
function records.touch(value)
  local metatable = ours(value)
  local kind = metatable and metatable.kind
  if kind == "unfilled" then fill(value)
  elseif kind == "row" then make_plain(value) end
end

-- One record, from its JSON.
function records.record(header, text) return native.steady(json.read, text, type_named(header.type), header.wide) end

-- Out: how values are told to the parent --------------------------------------------------------------

-- The place of a row that is as the parent has it, or nil.
local function pristine(value)
  local metatable = type(value) == "table" and ours(value)
  if metatable and metatable.kind == "row" and #metatable.path == 0 then
    local place = rawget(value, ROW)
    if not metatable.state.dirty[place] then return metatable.state, place end
  end
end

-- A list of pristine rows as `handle, place, handle, place …`, or nil when it is something else.
local function as_places(list)
  local count = rawlen(list)
  if count == 0 then return nil end
  local out, states, extra = {}, {}, next(list, count)
  if extra ~= nil then return nil end
  for i = 1, count do
    local state, place = pristine(rawget(list, i))
    if not state then return nil end
    states[state] = true
    out[2 * i - 1], out[2 * i] = state.handle, place
  end
  return out
end

-- The type that all elements of a list of records share, or that an empty list was made with.
local function shared_type(list)
  local metatable = ours(list)
  local own = metatable and metatable.type
  local count = rawlen(list)
  if count == 0 then return own and own.root and own.name or nil end
  local first
  for i = 1, count do
    local element = rawget(list, i)
    local of = type(element) == "table" and ours(element)
    local kind = of and of.type
    if not kind or not kind.root or (first and kind ~= first) then return nil end
    first = kind
  end
  return first.name
end

local function written_or_shown(value, path, most, write, name)
  local ok, written, wide = pcall(write, value, path, most)
  if ok then return { form = "json", type = name, wide = wide or nil }, written end
  if type(written) ~= "table" or not written.json then error(written, 0) end
  return { form = "opaque", fault = written.json }, native.clipped(native.render(value), SHOWN) -- no data, but something to look at
end

-- One value for the parent: a small description, and the JSON text it stands for, if any. A value without a
-- JSON form, or with more than `most` bytes of it, is described by its text and by what is wrong with it.
-- `write` makes the JSON: `json.write_wide` of what stays in Python, `json.write_value` of what goes on as JSON.
function records.describe(value, path, most, write)
  local kind = type(value)
  if value == nil then return { form = "nil" } end
  if kind == "function" or kind == "thread" or native.is_namespace(value) then
    return { form = "opaque" }, native.render(value)
  end
  if kind ~= "table" or rawequal(value, null) then return written_or_shown(value, path, most, write) end
  local metatable = ours(value)
  if metatable and metatable.kind == "unfilled" then return { form = "list", handle = metatable.state.handle } end
  local state, place = pristine(value)
  if state then return { form = "row", handle = state.handle, place = place } end
  local places = as_places(value)
  if places then return { form = "places" }, "[" .. concat(places, ",") .. "]" end
  records.touch(value)
  local of = metatable and metatable.type
  local name
  if json.form(value) == "list" then name = shared_type(value)
  elseif of and of.root then name = of.name end
  return written_or_shown(value, path, most, write, name)
end

return records
