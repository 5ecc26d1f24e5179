-- Describe values for the parent: rows that it has by their places, new rows with the same fields as columns, other data
-- as JSON, and values that are not data as the text that `print` would show, with the reason.

local native, json, records, columns, key_order = ...
local error, ipairs, next, pcall, rawequal, rawget, rawlen, type = error, ipairs, next, pcall, rawequal, rawget, rawlen, type
local concat, move, sort, unpack = table.concat, table.move, table.sort, table.unpack
local ours, place_of, account_of = native.ours, records.place_of, records.account_of
local null = json.null

local MIN_ROWS = 32 -- rows from which columns are faster than JSON
local MAX_SHOWN_BYTES = 64 << 10 -- bytes of the text of a value that is not data

-- Return the list state and place of an unchanged row, or nil.
local function unaltered_place(value)
  local state, place = place_of(value)
  if state and not state.altered[place] then return state, place end
end

-- Return a list of rows as `handle, place, handle, place …`, and its alterations by field as { positions, values }, or
-- nil if there are none. Return nil if the list has other values.
local function as_places(list)
  local count = rawlen(list)
  if count == 0 or next(list, count) ~= nil then return nil end
  local row_places, changes = {}, nil
  for i = 1, count do
    local state, place, fields = place_of(rawget(list, i))
    if not state then return nil end
    row_places[2 * i - 1], row_places[2 * i] = state.handle, place
    if state.altered[place] then
      changes = changes or {}
      for key, places in next, state.changes do
        if places[place] then
          local change = changes[key] or { positions = {}, values = {} }
          changes[key] = change
          change.positions[#change.positions + 1], change.values[#change.values + 1] = i, fields[key][place]
        end
      end
    end
  end
  return row_places, changes
end

-- Return the alterations of a whole list by field as { positions, values }, without positions if they are all of them.
local function changes_of(state)
  local changes, fields = {}, state.row_metatable.columns
  for key, places in next, state.changes do
    local positions, values = {}, {}
    for place in next, places do positions[#positions + 1] = place end
    if #positions == state.count then changes[key] = { values = fields[key] }
    else
      sort(positions)
      for i, place in ipairs(positions) do values[i] = fields[key][place] end
      changes[key] = { positions = positions, values = values }
    end
  end
  return changes
end

-- Parts of a text ---------------------------------------------------------------------------------------------

-- A text of several columns is described by the form, the bytes and the number of values of each.
local function new_parts() return { described = json.array_of({}), texts = {}, size = 0 } end

local function add_part(parts, form, text, count, json_size)
  parts.described[#parts.described + 1] = json.array_of({ form, #text, count })
  parts.texts[#parts.texts + 1], parts.size = text, parts.size + json_size
end

local function add_integers(parts, values)
  local form, text, json_size = columns.write(values, #values)
  add_part(parts, form, text, #values, json_size)
end

-- Return the description of rows of the parent with alterations, and its text. The rows are a whole list, or places.
local function altered(handle, places, changes, path, max_bytes, write)
  local parts, partial, keys, is_wide = new_parts(), json.array_of({}), {}, nil
  if places then add_integers(parts, places) end
  for key in next, changes do keys[#keys + 1] = key end
  local names = json.array_of({ unpack(key_order.sorted(keys)) })
  for i, key in ipairs(names) do
    local change = changes[key]
    partial[i] = change.positions ~= nil
    if change.positions then add_integers(parts, change.positions) end
    local count = #change.values
    local form, text, json_size = columns.write(change.values, count)
    if form then add_part(parts, form, text, count, json_size)
    else
      local encoded, wide = write(json.array_of(move(change.values, 1, count, 1, {})), path, max_bytes)
      add_part(parts, "json", encoded, count, #encoded)
      is_wide = is_wide or wide or nil
    end
  end
  if parts.size > max_bytes then error({ json = "too large" }, 0) end
  return {
    form = "altered", handle = handle, names = names, partial = partial, parts = parts.described, wide = is_wide,
  }, concat(parts.texts)
end

-- Return the description of a list of new tables with the same fields, and its text, or nil for any other list.
local function as_columns(list, max_bytes)
  if rawlen(list) < MIN_ROWS then return nil end
  local names, by_name = columns.of_rows(list)
  if not names then return nil end
  local count, parts, row_bytes = rawlen(list), new_parts(), 3
  names = json.array_of({ unpack(key_order.sorted(names)) })
  for _, name in ipairs(names) do
    local form, text, json_size = columns.write(by_name[name], count)
    if not form then return nil end -- texts and integers in one column, or texts that are no UTF-8
    add_part(parts, form, text, count, json_size)
    row_bytes = row_bytes + #json.quote(name) + 4
  end
  if parts.size + count * row_bytes > max_bytes then return nil end
  return { form = "columns", names = names, parts = parts.described }, concat(parts.texts)
end

-- Return the type shared by all elements of a list of records, or the original type of an empty list, and their account
-- if they share that too.
local function shared_type(list)
  local metatable = ours(list)
  local list_type = metatable and metatable.type
  local count = rawlen(list)
  if count == 0 then return list_type and list_type.root and list_type.name or nil end
  local first_type, has_several_accounts
  for i = 1, count do
    local element = rawget(list, i)
    local element_metatable = type(element) == "table" and ours(element)
    local element_type = element_metatable and element_metatable.type
    if not element_type or not element_type.root then return nil end
    if first_type and element_type ~= first_type then
      if element_type.name ~= first_type.name then return nil end
      has_several_accounts = has_several_accounts or element_type.account ~= first_type.account
    end
    first_type = element_type
  end
  return first_type.name, not has_several_accounts and first_type.account or nil
end

-- Return the accounts of a list's elements in order, each followed by its number of elements; an element without an
-- account has an empty text. Return nil if no element has an account.
local function accounts_of(list, count)
  local runs, last_index, any_account = {}, 0, nil
  for i = 1, count do
    local account = account_of(rawget(list, i))
    any_account = any_account or account
    account = account or ""
    if runs[last_index - 1] ~= account then
      runs[last_index + 1], runs[last_index + 2] = account, 0
      last_index = last_index + 2
    end
    runs[last_index] = runs[last_index] + 1
  end
  return any_account and json.array_of(runs)
end

local function encoded_or_shown(value, path, max_bytes, write, fields)
  local ok, encoded, is_wide = pcall(write, value, path, max_bytes)
  if ok then
    local description = fields or {}
    description.form, description.wide = "json", is_wide or nil
    return description, encoded
  end
  if type(encoded) ~= "table" or not encoded.json then error(encoded, 0) end
  -- The text is shown instead of the value.
  return { form = "opaque", fault = encoded.json }, native.clipped(native.render(value), MAX_SHOWN_BYTES)
end

-- Return a description of a value for the parent, and its JSON text, if any. A value without a JSON form, or with more
-- than `max_bytes` bytes of JSON, is described by its text and the reason. `write` encodes the JSON: `json.write_wide` for
-- values that stay in Python, `json.write_value` for values that are passed on as JSON.
function records.describe(value, path, max_bytes, write)
  local kind = type(value)
  if value == nil then return { form = "nil" } end
  if kind == "function" or kind == "thread" or native.is_namespace(value) then
    return { form = "opaque" }, native.render(value)
  end
  if kind ~= "table" or rawequal(value, null) then return encoded_or_shown(value, path, max_bytes, write) end
  local metatable = ours(value)
  if metatable and metatable.kind == "unfilled" and records.is_unchanged(metatable.state) then
    return { form = "list", handle = metatable.state.handle }
  end
  if metatable and metatable.kind == "unfilled" then records.touch(value) end
  local state, place = unaltered_place(value)
  if state then return { form = "row", handle = state.handle, place = place } end
  local list_state = metatable and metatable.kind == "list" and records.is_whole(value) and metatable.state
  if list_state and next(list_state.altered) == nil then return { form = "list", handle = list_state.handle } end
  local places, changes
  if list_state then changes = changes_of(list_state) else places, changes = as_places(value) end
  if places and not changes then
    local parts = new_parts()
    add_integers(parts, places)
    return { form = "places", parts = parts.described }, concat(parts.texts)
  end
  if changes then
    local ok, description, text = pcall(altered, list_state and list_state.handle, places, changes, path, max_bytes, write)
    if ok then return description, text end
    if type(description) ~= "table" or not description.json then error(description, 0) end -- reported below
  end
  local row_columns = metatable and metatable.kind == "list" and metatable.type.columns
  if not metatable or metatable == json.array or row_columns then
    local description, text = as_columns(value, max_bytes)
    if description then return description, text end
  end
  local record_type, account = metatable and metatable.type, account_of(value)
  records.touch(value)
  local fields = {}
  local form, count = json.form(value)
  if form == "list" then
    fields.type, fields.account = shared_type(value)
    if row_columns and count == 0 then fields.columns = row_columns end
    if records.several and not fields.account then fields.accounts = accounts_of(value, count) end
  elseif record_type and record_type.root then fields.type, fields.account = record_type.name, account end
  return encoded_or_shown(value, path, max_bytes, write, fields)
end
