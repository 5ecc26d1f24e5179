-- Records and lists that calls return, filled lazily.
--
-- A *type* is the catalogue's declaration of a function's records: defaults, nullable fields, nested references, and
-- the field that represents a reference as text. A long list arrives as a number of rows only. The first access creates
-- one small row table per record, which knows its place in the list. Reading a field fetches that field's whole column
-- from the parent, once. Writing a text, a number or a boolean to a field writes to its column, and the row is
-- *altered*. Any other operation that needs the row's own keys (`pairs`, `next`, writing another value) turns the row
-- into a plain record. So a list that is only read is never copied. Unchanged rows go back to the parent as numbers,
-- and altered ones as numbers with their changes.
--
-- Invariant: a row is *pristine* while it has its row metatable and its place is neither in `altered` nor in `dirty`.
-- Every write to a row calls __newindex. Handing out a nested record or list that could be changed without notice marks
-- its row dirty.

local native, json, columns, references = ...
local next, rawget, rawlen, rawset, rawequal, tostring, type = next, rawget, rawlen, rawset, rawequal, tostring, type
local getmetatable, setmetatable = debug.getmetatable, debug.setmetatable
local ours, register = native.ours, native.register
local collectgarbage = collectgarbage
local format, match, mathtype, utf8len = string.format, string.match, math.type, utf8.len
local null = json.null

local records = references -- with `label_of`, `text_of`, `joined`, `less` and `less_or_equal`
local label_of, text_of, joined = records.label_of, records.text_of, records.joined
local less, less_or_equal = records.less, records.less_or_equal

local ROW_KEY = {} -- the key under which a row stores its place; no script can get it
local BLOCK_ROWS = 256 -- rows fetched at a time when rows become plain
local COLLECT_ROWS = 5000 -- rows of all lists, above which lists that nobody refers to are looked for
local MAX_ALTERED_FIELDS = 64 -- fields of a list that can be altered in its columns
local IMMUTABLE_TYPES = { string = true, number = true, boolean = true }

-- Behaviour shared by the records of a type -------------------------------------------------------

-- Return the value of an absent field: its declared default, a string method of a reference, or nil, unless the field is
-- misspelt. A declared field that is nil is noted, because only such a field may be concatenated, as an empty text.
local function absent_value(value, key, kind)
  local default = kind.declared[key]
  if default ~= nil then
    if default ~= true then return default end
    native.note_null(value, key)
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
  if kind.known and not kind.known[key] and type(key) == "string" then native.check_field(kind, key) end
end

-- Return the set of the fields that may be read in records of a type (see `fields.lua`), or nil if any may.
local function known_fields(kind)
  if not kind.known and kind.names and not kind.unchecked then
    kind.known = {}
    for _, name in ipairs(kind.names) do kind.known[name] = true end
  end
  return kind.known
end

-- Add the metamethods of a type to a record's metatable. `kind` is a type or false.
function records.behave(metatable, kind)
  if not kind then return end
  local known = known_fields(kind)
  if known and metatable.keys then
    for _, key in ipairs(metatable.keys) do known[key] = true end
    metatable.__newindex = function(record, key, value)
      rawset(record, key, value)
      known[key] = true
    end
  end
  metatable.__index = function(value, key) return absent_value(value, key, kind) end
  metatable.__concat = joined
  if kind.label then
    metatable.__lt, metatable.__le = less, less_or_equal
    metatable.__tostring = function(value) return text_of(value) or native.render(value) end
  end
end

-- Types from the parent: { label?, names = { … }, declared = { field = default or true }, fields = { name = type } }
local types = {}
records.types = types
function records.declare(name, kind)
  types[name] = kind
  kind.name = name
  kind.root = true
  kind.of_account = {}
end

-- Return the type of a list whose rows are plain tables, so that the list has these columns even when it is empty.
function records.row_type(name, column_names)
  return { name = name, root = true, columns = json.array_of(column_names), declared = {}, fields = {}, of_account = {} }
end

-- Return such a type for rows that have no other fields; its field `row` is the type of a row.
function records.table_type(name, column_names)
  local kind = records.row_type(name, column_names)
  kind.names = kind.columns
  kind.row = {
    name = name, names = kind.names, columns = kind.columns, known = known_fields(kind), declared = {}, fields = {},
  }
  return kind
end

-- Return a type for records of an input, of which any field may be read.
local function unchecked(kind)
  if not kind.names then return kind end
  if not kind.unchecked_copy then
    local copy = {}
    for key, value in next, kind do copy[key] = value end
    copy.unchecked, copy.known, copy.of_account, copy.fields = true, nil, {}, {}
    for name, nested in next, kind.fields do copy.fields[name] = unchecked(nested) end
    kind.unchecked_copy = copy
  end
  return kind.unchecked_copy
end

-- Ask the parent for the types of a function's records, whose name is before the asterisk, and declare them.
local function learn(name)
  local function_name = match(name, "^[^*]*")
  local response = native.ask({ kind = "record_types", name = function_name })
  if response.type then records.declare(function_name, response.type) end
  for item, kind in next, response.asked or {} do records.declare(function_name .. "*" .. item, kind) end
  return types[name]
end

local untyped = { declared = {}, fields = {}, of_account = {} }
local first_account
records.several = false -- whether records of more than one account have been used

-- Return the type of a function's records, as a copy with the account if there is one.
local function type_of(name, account, is_unchecked)
  local kind = types[name]
  if not kind and name and name ~= "" then kind = learn(name) end
  kind = kind or untyped
  if is_unchecked then kind = unchecked(kind) end
  known_fields(kind) -- which copies share
  if not account or account == "" then return kind end
  local account_type = kind.of_account[account]
  if not account_type then
    account_type = {}
    for key, value in next, kind do account_type[key] = value end
    account_type.account = account
    kind.of_account[account] = account_type
    first_account = first_account or account
    records.several = records.several or account ~= first_account
  end
  return account_type
end

-- Return the types of rows by their places, from a list of accounts, each followed by its number of rows.
local function types_of(name, account_runs, is_unchecked)
  local row_types = {}
  for i = 1, #account_runs, 2 do
    local kind = type_of(name, account_runs[i], is_unchecked)
    for _ = 1, account_runs[i + 1] do row_types[#row_types + 1] = kind end
  end
  return row_types
end

-- Long lists ----------------------------------------------------------------------------------------

local fill, row_metatable

-- Return the form of a field of all rows (see `RemoteLists.column`), and its values unless none has it or all are objects.
local function fetch_column(state, path)
  local header, texts = native.ask({ kind = "column", handle = state.handle, path = path })
  local form, text = header.form, texts[1]
  if not text then return form end
  if form == "texts" or form == "integers" then return form, native.steady(columns.read, form, text, state.count) end
  return form, native.steady(json.read, text, nil, header.wide)
end

-- Return a column of nested records. Each becomes a row of its own when it is first read. `values` is true where there
-- is a record, or nil if there is one everywhere.
local function nested_column(metatable, values)
  return setmetatable({}, { __index = function(rows, place)
    if values and values[place] ~= true then return nil end
    local row = setmetatable({ [ROW_KEY] = place }, metatable)
    rows[place] = row
    return row
  end })
end

-- Fetch the values of a field of all rows from the parent, and return them, or false if no record has the field. `level`
-- is the metatable of the rows.
local function load_column(level, key)
  if type(key) ~= "string" and mathtype(key) ~= "integer" then return false end
  local state, kind = level.state, level.type
  local path = { table.unpack(level.path) }
  path[#path + 1] = key
  local form, values = fetch_column(state, json.array_of(path))
  local column = values or false
  if form ~= "none" and kind.known then kind.known[key] = true end
  if form == "records" then
    local metatable = row_metatable(state, path, kind.fields[key] or untyped)
    column = nested_column(metatable, values)
    state.nested[column] = metatable
  elseif form == "scalars" or form == "mixed" then
    for place = 1, state.count do
      if values[place] == null then values[place] = nil end
    end
    setmetatable(values, nil)
    if form == "mixed" then state.loose[column] = true end
  end
  level.columns[key] = column
  if form ~= "mixed" then level.direct[key] = column end
  return column
end

-- Return the record at a place as a plain record; such records are fetched in blocks.
local function plain_row(state, place)
  local first_place = (place - 1) // BLOCK_ROWS * BLOCK_ROWS
  local block = state.blocks[first_place]
  if not block then
    local header, texts = native.ask({ kind = "rows", handle = state.handle, first = first_place, count = BLOCK_ROWS })
    block = native.steady(json.read_rows, texts[1], state.type, header.wide, state.types, first_place)
    state.blocks[first_place] = block
  end
  return block[place - first_place]
end

-- Turn a row, or a record nested in one, into a plain record in place.
local function make_plain(row)
  local metatable = getmetatable(row)
  local state, place = metatable.state, rawget(row, ROW_KEY)
  local plain = plain_row(state, place)
  for _, key in ipairs(metatable.path) do plain = rawget(plain, key) end
  local columns = metatable.columns
  rawset(row, ROW_KEY, nil)
  for key, value in next, plain do
    local column = columns[key]
    local existing = column and type(value) == "table" and rawget(column, place)
    rawset(row, key, existing or value)
  end
  if #metatable.path == 0 and state.altered[place] then
    for key, places in next, state.changes do
      if places[place] then rawset(row, key, columns[key][place]) end
    end
  end
  setmetatable(row, getmetatable(plain))
  if #metatable.path > 0 then state.dirty[place] = true else state.has_plain = true end
end

-- Make a field's column one that can be written, and return the set of its altered places, or nil if it has tables.
local function alterable(level, key)
  local state, kind = level.state, level.type
  if type(key) ~= "string" or not utf8len(key) or state.changed >= MAX_ALTERED_FIELDS then return nil end
  local column = level.columns[key]
  if column == nil then column = load_column(level, key) end
  if column == false then
    column = {}
    level.columns[key], level.direct[key] = column, column
    if kind.known then kind.known[key] = true end
  elseif state.loose[column] or getmetatable(column) then return nil end
  local places = {}
  state.changes[key], state.changed = places, state.changed + 1
  return places
end

row_metatable = function(state, path, kind)
  local columns, direct = {}, {} -- all columns; those whose values are no tables that could be changed without notice
  local metatable = register {
    __metatable = false, kind = "row", state = state, path = path, columns = columns, direct = direct, type = kind,
  }
  records.behave(metatable, kind)
  local undeclared = {} -- fields without a column that were found to be no mistake
  local is_whole_record, altered, changes = #path == 0, state.altered, state.changes

  -- Read a field whose column is not there yet, or which is nil or a table in this row.
  local function read(row, key)
    local column = columns[key]
    if column == nil then column = load_column(metatable, key) end
    if column then
      local place = row[ROW_KEY]
      local value = column[place]
      if value ~= nil then
        if type(value) == "table" and state.loose[column] then state.dirty[place] = true end
        return value
      end
    end
    if undeclared[key] then return nil end
    local value = absent_value(row, key, kind)
    if value == nil and kind.declared[key] == nil and key ~= nil and key == key then undeclared[key] = true end
    return value
  end

  metatable.__index = function(row, key)
    local column = direct[key]
    if column then
      local value = column[row[ROW_KEY]]
      if value ~= nil then return value end
    end
    return read(row, key)
  end
  metatable.__newindex = function(row, key, value)
    if is_whole_record and IMMUTABLE_TYPES[type(value)] then
      local places = changes[key] or alterable(metatable, key)
      if places then
        local place = row[ROW_KEY]
        altered[place], places[place], columns[key][place] = true, true, value
        return
      end
    end
    make_plain(row)
    if kind.known and key ~= nil then kind.known[key] = true end
    row[key] = value
  end
  metatable.__pairs = function(row)
    make_plain(row)
    return next, row, nil
  end
  return metatable
end

-- Make the rows of a list, some of which may exist already.
local function add_rows(list, state)
  local metatable, early_rows, set, key = state.row_metatable, state.early_rows, setmetatable, ROW_KEY
  if early_rows then
    for place = 1, state.count do list[place] = early_rows[place] or set({ [key] = place }, metatable) end
  else
    for place = 1, state.count do list[place] = set({ [key] = place }, metatable) end
  end
  state.early_rows = nil
end

fill = function(list)
  local state = getmetatable(list).state
  setmetatable(list, state.filled)
  if state.rows then
    local rows = native.steady(json.read_rows, state.rows, state.type, state.wide, state.types, 0)
    for place, row in ipairs(rows) do rawset(list, place, row) end
    state.rows = nil
  else native.steady(add_rows, list, state) end
end

local released_handles = {}
local kept_rows, collect_at = 0, COLLECT_ROWS -- rows that the parent keeps, and their number at the next collection

-- name of a function -> the states of the lists of its records that the parent keeps, by handle. The values are weak, since
-- Lua removes those before it calls a finalizer, which releases the handle.
local long_lists = {}

-- Return whether a record of any list of a function's records has a field below these fields.
function records.any_list_has(function_name, path, key)
  for _, state in next, long_lists[function_name] or {} do
    local column_path = { table.unpack(path) }
    column_path[#column_path + 1] = key
    if fetch_column(state, json.array_of(column_path)) ~= "none" then return true end
  end
  return false
end

local function add_long_list(state)
  local states = long_lists[state.type.name] or setmetatable({}, { __mode = "v" })
  long_lists[state.type.name] = states
  states[state.handle] = state
end

-- Return the `__index` of lists of a type's records, which tells when a field of the records is read of the list.
local function list_index(kind)
  return kind.known and function(_, key)
    if type(key) == "string" then native.check_list(kind, key) end
  end or nil
end

-- Return a list that the parent keeps: `count` rows of a type, with their JSON if they are few.
function records.list(header, rows)
  local kind = type_of(header.type, header.account, header.unchecked)
  kept_rows = kept_rows + header.count
  local state = {
    handle = header.handle, count = header.count, type = kind,
    types = header.accounts and types_of(header.type, header.accounts, header.unchecked), rows = rows, wide = header.wide, blocks = {},
    dirty = {}, loose = {}, -- places; columns that contain tables
    altered = {}, changes = {}, changed = 0, -- places; field -> altered places; number of altered fields
    nested = {}, -- column of nested records -> their metatable
    early_rows = nil, -- rows by place that exist before the list is filled
    has_plain = false, -- whether a row became plain
  }
  state.filled = register { __metatable = false, kind = "list", type = kind, state = state }
  state.filled.__index = list_index(kind)
  if kind.known and not rows then add_long_list(state) end
  state.row_metatable = row_metatable(state, {}, kind)
  -- When no row, column or list is left, the parent may release the records too.
  state.sentinel = setmetatable({}, { __gc = function()
    released_handles[#released_handles + 1] = state.handle
    kept_rows = kept_rows - state.count
  end })
  local function filled(list) fill(list) return list end
  return setmetatable({}, register {
    __metatable = false, kind = "unfilled", type = kind, state = state,
    __len = function() return state.count end,
    __index = function(list, key) fill(list) return list[key] end,
    __newindex = function(list, key, value) fill(list) list[key] = value end,
    __pairs = function(list) return next, filled(list), nil end,
  })
end

-- Lists that are not filled ----------------------------------------------------------------------------------

-- Return whether the parent's list is the same as an unfilled one, though rows of it may exist already.
function records.is_unchanged(state)
  return not state.has_plain and next(state.dirty) == nil and next(state.altered) == nil
end

-- Return whether a filled list has all rows of the parent's list in their order, though some may be altered.
function records.is_whole(list)
  local state = ours(list).state
  if not state or state.count == 0 or next(list, state.count) ~= nil then return false end
  local is_row, dirty = { [state.row_metatable] = true }, state.dirty -- a key, since `==` would call `__eq`
  for place = 1, state.count do
    local row = list[place]
    if not is_row[getmetatable(row)] or row[ROW_KEY] ~= place or dirty[place] then return false end
  end
  return true
end

-- Return the number of rows of an unfilled list whose columns can be read instead of its rows, or nil.
function records.unfilled_count(list)
  local metatable = ours(list)
  local state = metatable and metatable.kind == "unfilled" and metatable.state
  if state and not state.rows and not state.has_plain and next(state.dirty) == nil then return state.count end
end

-- Return what an absent field of a record of a type reads as: its default or nil, unless it is misspelt.
function records.absent_field(kind, key)
  local default = kind.declared[key]
  if default == nil and kind.known and not kind.known[key] then native.check_field(kind, key) end
  if default ~= true then return default end
end

-- Return a field, given by its path, of every row of such a list: the values by place, and the value that absent ones
-- read as. With `as_key` the values are texts, numbers and booleans, references being read as their labels; the result
-- is nil if the field has other values. Without it, tables among the values must not be handed out.
function records.column(list, path, as_key)
  local state = ours(list).state
  local level, column, default = state.row_metatable, nil, nil
  for i, key in ipairs(path) do
    if not level then return nil end
    column = level.columns[key]
    if column == nil then column = load_column(level, key) end
    if column then
      default = level.type.declared[key]
      if default == true then default = nil end
    else default = records.absent_field(level.type, key) end
    if i > 1 and default ~= nil then return nil end -- a record that is nil has no defaults
    if not column then
      if i < #path then default = nil end
      break
    end
    level = state.nested[column]
    if as_key and i == #path and level then
      local label = level.type.label
      if not label then return nil end
      column, default = level.columns[label], nil
      if column == nil then column = load_column(level, label) end
    end
  end
  if column and state.loose[column] and as_key then return nil end
  return column or {}, default
end

-- Return the row at a place of such a list, which is the same row when the list is filled.
function records.row_at(list, place)
  local state = ours(list).state
  local rows = state.early_rows or {}
  state.early_rows = rows
  local row = rows[place]
  if not row then
    row = setmetatable({ [ROW_KEY] = place }, state.row_metatable)
    rows[place] = row
  end
  return row
end

-- Return whether a value is one record.
function records.is_record(value)
  local metatable = ours(value)
  return metatable and (metatable.kind == "row" or metatable.kind == "record") or false
end

-- Return whether a value is a record, or part of one, whose fields the catalogue declares.
function records.has_type(value)
  local metatable = ours(value)
  local kind = metatable and metatable.type
  return kind and kind ~= untyped and not kind.columns or false
end

-- Return the type of the records of a list: that of the call which returned it, or of all its elements; else nil.
function records.type_of_list(list)
  local metatable = ours(list)
  if metatable and metatable.type and metatable.type.root then return metatable.type end
  local common
  for i = 1, rawlen(list) do
    local element = rawget(list, i)
    local element_metatable = type(element) == "table" and ours(element)
    local kind = element_metatable and element_metatable.type
    if not kind or not kind.root or common and kind.name ~= common.name then return nil end
    common = common or kind
  end
  return common
end

local list_metatables = {} -- type -> the metatable of lists of it that a script made

-- Make a new table a list of records of a type, which has their columns even when it is empty; nil is any list.
function records.list_of(kind, list)
  if not kind then return json.array_of(list) end
  if not list_metatables[kind] then
    list_metatables[kind] = register {
      __metatable = false, kind = "list", type = kind, __index = list_index(kind),
    }
  end
  return setmetatable(list, list_metatables[kind])
end

-- Return the handles of the lists that nobody refers to any more. Lua does not see how much memory they take in the
-- parent and would collect late, so it collects here, before the next request adds to them.
function records.released()
  if kept_rows > collect_at then
    collectgarbage()
    collect_at = kept_rows * 2 > COLLECT_ROWS and kept_rows * 2 or COLLECT_ROWS
  end
  local handles = released_handles
  released_handles = {}
  return json.array_of(handles)
end

-- Fill a list or row, so that raw access sees its contents.
function records.touch(value)
  local metatable = ours(value)
  local kind = metatable and metatable.kind
  if kind == "unfilled" then fill(value)
  elseif kind == "row" then make_plain(value) end
end

-- Note that a script has set a field of a value without its metatable.
function records.note_field(value, key)
  local metatable = ours(value)
  local known = metatable and metatable.type and metatable.type.known
  if known then known[key] = true end
end

-- Return one record from its JSON.
function records.record(header, text)
  local kind = type_of(header.type, header.account, header.unchecked)
  if not kind.root then kind = nil end
  return native.steady(json.read, text, kind, header.wide)
end

-- Return the account that a record came from, or nil if it did not come from a call.
function records.account_of(value)
  local metatable = type(value) == "table" and ours(value)
  local kind = metatable and metatable.type
  if kind and metatable.kind == "row" and metatable.state.types and #metatable.path == 0 then
    kind = metatable.state.types[rawget(value, ROW_KEY)]
  end
  return kind and kind.account
end

-- Return the list state, place and columns of a row that is not dirty, though it may be altered; nil for other values.
function records.place_of(value)
  local metatable = type(value) == "table" and ours(value)
  if metatable and metatable.kind == "row" and #metatable.path == 0 then
    local place = rawget(value, ROW_KEY)
    if not metatable.state.dirty[place] then return metatable.state, place, metatable.columns end
  end
end

return records
