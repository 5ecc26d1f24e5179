-- Raise an error when a script reads a misspelt field of a record, or of a row of a table.
--
-- A field may be read if the function or the table that returned the record declares it, if a record of the same list has
-- it, or if a script of this session assigns a field of that name. A type's `known` is the set of all such names that were
-- met. Only a read that found nothing and whose name is not in this set comes here. The parent knows the fields of lists
-- that Lua has not looked at, and reads the scripts' texts; it returns the error with the nearest names.

local native, json, records = ...
local find, gmatch, match, sub = string.find, string.gmatch, string.match, string.sub
local insert, remove = table.insert, table.remove
local ipairs, next = ipairs, next

-- Fields that lists of other languages have, and two that are meant.
local LENGTHS = { length = true, size = true, count = true, len = true, lenght = true, lengh = true }

local assigned = {} -- names of fields that texts given to `load` assign

-- Return the names that lead to a type inside these types, or nil.
local function search(types, wanted)
  for name, kind in next, types do
    if kind == wanted then return { name } end
    local path = search(kind.fields, wanted)
    if path then
      insert(path, 1, name)
      return path
    end
  end
end

-- Return the name of the function whose records have a type, and the fields that lead to the type inside them.
local function place_of(kind)
  if kind.name then return kind.name, {} end
  if not kind.place then
    local path = search(records.types, kind)
    kind.place = { remove(path, 1), path }
  end
  return kind.place[1], kind.place[2]
end

local function ask_parent(kind, name, is_list)
  local function_name, path = place_of(kind)
  native.ask({
    kind = "field", name = name, type = function_name, path = json.array_of({ table.unpack(path) }), many = is_list,
    names = json.array_of({ table.unpack(kind.names) }), rows = kind.columns ~= nil,
  })
end

-- Return if a field of a record may be absent, else raise an error.
function native.check_field(kind, name)
  local known = kind.known
  if not assigned[name] then
    local function_name, path = place_of(kind)
    if not records.any_list_has(function_name, path, name) then ask_parent(kind, name) end
  end
  known[name] = true
end

-- Raise an error if a script reads a field of a list that its records have, `stack` or `stack.name`, unless a script
-- assigns such a field.
function native.check_list(kind, name)
  local first = match(name, "^[^.]*")
  for _, declared in ipairs(kind.names) do
    if declared == first and not assigned[name] then return ask_parent(kind, name, true) end
    if declared == "fingerprint" and match(name, "^%u[%u%d_]*$") and not assigned[name] then
      local text = 'a list has no field `%s`, which is the name of a record: list.find(vars, { name = "%s" }), where `vars` is this list. '
        .. "The value of a config var is never shown."
      native.raise(string.format(text, name, name))
    end
  end
  if LENGTHS[name] and not assigned[name] then
    native.raise(string.format("a list has no field `%s`: `#items` is the length of a list `items`", name))
  end
end

-- Remember the fields that a text given to `load` assigns.
function native.note_chunk(text)
  if not find(text, "=", 1, true) then return end
  for name, after in gmatch(text, "%.%s*([%a_][%w_]*)%s*=()") do
    if sub(text, after, after) ~= "=" then assigned[name] = true end
  end
  for name in gmatch(text, "%[%s*[\"']([^\"'\\\n%]]*)[\"']%s*%]%s*=[^=]") do assigned[name] = true end
end
