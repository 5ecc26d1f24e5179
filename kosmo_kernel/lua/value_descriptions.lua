-- Describe values for the parent: rows that it has by their places, other data as JSON, and values that are not data as
-- the text that `print` would show, with the reason.

local native, json, records = ...
local next, pcall, rawequal, rawget, rawlen, type = next, pcall, rawequal, rawget, rawlen, type
local concat = table.concat
local ours, place_of, account_of = native.ours, records.place_of, records.account_of
local null = json.null

local MAX_SHOWN_BYTES = 64 << 10 -- bytes of the text of a value that is not data

-- Return the list state and place of an unchanged row, or nil.
local function unaltered_place(value)
  local state, place = place_of(value)
  if state and not state.altered[place] then return state, place end
end

-- Return a list of rows as `handle, place, handle, place …`, and its alterations, by field, as `position, value,
-- position, value …`, or nil if there are none. Return nil if the list has other values.
local function as_places(list)
  local count = rawlen(list)
  if count == 0 or next(list, count) ~= nil then return nil end
  local row_places, changes = {}, nil
  for i = 1, count do
    local state, place, columns = place_of(rawget(list, i))
    if not state then return nil end
    row_places[2 * i - 1], row_places[2 * i] = state.handle, place
    if state.altered[place] then
      changes = changes or {}
      for key, places in next, state.changes do
        if places[place] then
          local values = changes[key] or json.array_of({})
          changes[key] = values
          values[#values + 1] = i
          values[#values + 1] = columns[key][place]
        end
      end
    end
  end
  return row_places, changes
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
  local places, changes = as_places(value)
  if places and not changes then return { form = "places" }, "[" .. concat(places, ",") .. "]" end
  if places then
    local ok, encoded, is_wide = pcall(write, { json.array_of(places), changes }, path, max_bytes)
    if ok then return { form = "altered", wide = is_wide or nil }, encoded end
    if type(encoded) ~= "table" or not encoded.json then error(encoded, 0) end -- else the code below reports the place
  end
  local record_type, account = metatable and metatable.type, account_of(value)
  records.touch(value)
  local fields = {}
  local form, count = json.form(value)
  if form == "list" then
    fields.type, fields.account = shared_type(value)
    if records.several and not fields.account then fields.accounts = accounts_of(value, count) end
  elseif record_type and record_type.root then fields.type, fields.account = record_type.name, account end
  return encoded_or_shown(value, path, max_bytes, write, fields)
end
