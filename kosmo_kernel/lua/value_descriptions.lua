-- Describe values for the parent: rows that it has by their places, other data as JSON, and values that are not data as
-- the text that `print` would show, with the reason.

local native, json, records = ...
local next, pcall, rawequal, rawget, rawlen, type = next, pcall, rawequal, rawget, rawlen, type
local concat = table.concat
local ours, place_of, account_of = native.ours, records.place_of, records.account_of
local null = json.null

local SHOWN = 64 << 10 -- bytes of the text of a value that is not data

-- Return the list state and place of an unchanged row, or nil.
local function pristine(value)
  local state, place = place_of(value)
  if state and not state.altered[place] then return state, place end
end

-- Return a list of rows as `handle, place, handle, place …`, and its alterations, by field, as `position, value,
-- position, value …`, or nil if there are none. Return nil if the list has other values.
local function as_places(list)
  local count = rawlen(list)
  if count == 0 or next(list, count) ~= nil then return nil end
  local out, changed = {}, nil
  for i = 1, count do
    local state, place, columns = place_of(rawget(list, i))
    if not state then return nil end
    out[2 * i - 1], out[2 * i] = state.handle, place
    if state.altered[place] then
      changed = changed or {}
      for key, places in next, state.changes do
        if places[place] then
          local values = changed[key] or json.array_of({})
          changed[key] = values
          values[#values + 1] = i
          values[#values + 1] = columns[key][place]
        end
      end
    end
  end
  return out, changed
end

-- Return the type shared by all elements of a list of records, or the original type of an empty list, and their account
-- if they share that too.
local function shared_type(list)
  local metatable = ours(list)
  local own = metatable and metatable.type
  local count = rawlen(list)
  if count == 0 then return own and own.root and own.name or nil end
  local first, mixed
  for i = 1, count do
    local element = rawget(list, i)
    local of = type(element) == "table" and ours(element)
    local kind = of and of.type
    if not kind or not kind.root then return nil end
    if first and kind ~= first then
      if kind.name ~= first.name then return nil end
      mixed = true
    end
    first = kind
  end
  return first.name, not mixed and first.account or nil
end

-- Return the accounts of a list's elements in order, each followed by its number of elements; an element without an
-- account has an empty text. Return nil if no element has an account.
local function accounts_of(list, count)
  local runs, last, any = {}, 0, nil
  for i = 1, count do
    local account = account_of(rawget(list, i))
    any = any or account
    account = account or ""
    if runs[last - 1] ~= account then
      runs[last + 1], runs[last + 2] = account, 0
      last = last + 2
    end
    runs[last] = runs[last] + 1
  end
  return any and json.array_of(runs)
end

local function written_or_shown(value, path, most, write, known)
  local ok, written, wide = pcall(write, value, path, most)
  if ok then
    local described = known or {}
    described.form, described.wide = "json", wide or nil
    return described, written
  end
  if type(written) ~= "table" or not written.json then error(written, 0) end
  return { form = "opaque", fault = written.json }, native.clipped(native.render(value), SHOWN) -- text to show instead
end

-- Return a description of a value for the parent, and its JSON text, if any. A value without a JSON form, or with more
-- than `most` bytes of JSON, is described by its text and the reason. `write` encodes the JSON: `json.write_wide` for
-- values that stay in Python, `json.write_value` for values that are passed on as JSON.
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
  local places, changed = as_places(value)
  if places and not changed then return { form = "places" }, "[" .. concat(places, ",") .. "]" end
  if places then
    local ok, written, wide = pcall(write, { json.array_of(places), changed }, path, most)
    if ok then return { form = "altered", wide = wide or nil }, written end
    if type(written) ~= "table" or not written.json then error(written, 0) end -- else the code below reports the place
  end
  local of, account = metatable and metatable.type, account_of(value)
  records.touch(value)
  local known = {}
  local form, count = json.form(value)
  if form == "list" then
    known.type, known.account = shared_type(value)
    if records.several and not known.account then known.accounts = accounts_of(value, count) end
  elseif of and of.root then known.type, known.account = of.name, account end
  return written_or_shown(value, path, most, write, known)
end
