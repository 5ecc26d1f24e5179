-- The items, keys and tests of `list.*`: a key is a function or a dotted field, a test also a table of wanted values.
--
-- A key is read for all items at once. A list of a call that is not filled is read by columns, and only rows that are
-- asked for are made. Where tests and keys read fields, null is nil, and a reference is its label.

local native, json, records = ...
local concat, find, format, gmatch, sort = table.concat, string.find, string.format, string.gmatch, table.sort
local gsub, lower, reverse, sub = string.gsub, string.lower, string.reverse, string.sub
local next, rawequal, rawget, rawlen, tostring, type = next, rawequal, rawget, rawlen, tostring, type
local null, ours, label_of = json.null, native.ours, records.label_of

local keys = {}

local KEY = 'a function or a field such as "app.name"'
local TEST = 'a function, a field such as "app.name", or a table such as { state = "crashed" }'
local IS_SCALAR = { string = true, number = true, boolean = true }
local MAX_SHOWN_BYTES = 40 -- bytes of a text that is shown in an error message
local MAX_DEPTH = 20 -- levels of nesting of the wanted values
local MAX_WANTED_BYTES = 100 -- bytes of a wanted text that is looked for among similar ones
local MAX_NAMES = 12 -- fields of an item that are named

-- Describe a value for an error message; a short text or a number is shown itself.
local function kind_text(value)
  if value == nil then return "nil" end
  if rawequal(value, null) then return "null" end
  local kind = type(value)
  if kind == "string" then
    return #value <= MAX_SHOWN_BYTES and json.quote(value) and "the text " .. json.quote(value) or "a text"
  end
  if kind == "number" then return "the number " .. value end
  if kind == "boolean" then return tostring(value) end
  if kind ~= "table" then return "a " .. kind end
  if native.is_namespace(value) then return "a namespace" end
  if records.is_record(value) then return "a record" end
  native.touch(value)
  return json.form(value) == "list" and "a list" or "a table with named fields"
end
keys.kind_text = kind_text

-- Raise the error for an argument that is not what it must be.
function keys.raise_argument(name, position, role, needed, value)
  native.raise(format("list.%s: argument %d (%s) must be %s, got %s", name, position, role, needed, kind_text(value)))
end
local raise_argument = keys.raise_argument

-- Items -------------------------------------------------------------------------------------------------------

function keys.is_list(value)
  return type(value) == "table" and not rawequal(value, null) and not native.is_namespace(value)
    and not records.is_record(value)
end

-- Return the items of a list as { name, list, count, is_unfilled }; `name` is the function that reads them.
function keys.items(name, list)
  if not keys.is_list(list) then raise_argument(name, 1, "list", "a list", list) end
  local unfilled_count = records.unfilled_count(list)
  if unfilled_count then return { name = name, list = list, count = unfilled_count, is_unfilled = true } end
  native.touch(list)
  local count = rawlen(list)
  if not ours(list) then -- it may have holes, or metamethods
    local first_nil = 1
    while list[first_nil] ~= nil do first_nil = first_nil + 1 end
    if first_nil <= count then native.raise(format("list.%s: item %d of the list is nil", name, first_nil)) end
    count = first_nil - 1
  end
  if count == 0 and next(list) ~= nil then raise_argument(name, 1, "list", "a list", list) end
  return { name = name, list = list, count = count }
end

-- Return the item at an index; of an unfilled list the row is made for that.
function keys.item(items, index)
  if items.is_unfilled then return records.row_at(items.list, index) end
  return items.list[index]
end

-- Fill the list, so that its items are read one by one.
local function fill(items)
  if items.is_unfilled then native.touch(items.list) end
  items.is_unfilled = nil
end

-- Return a new list of the items at these indexes; it is a list of records with columns if the first one is.
function keys.selected(items, indexes)
  local selection = {}
  if items.is_unfilled then
    for i = 1, #indexes do selection[i] = records.row_at(items.list, indexes[i]) end
  else
    local list = items.list
    for i = 1, #indexes do selection[i] = list[indexes[i]] end
  end
  return records.list_of(keys.type_of(items), selection)
end

-- Return the record type of the items, or nil.
function keys.type_of(items)
  if items.type == nil then items.type = records.type_of_list(items.list) or false end
  return items.type or nil
end

-- Fields ------------------------------------------------------------------------------------------------------

local function steps_of(path)
  if path == "" or find(path, "^%.") or find(path, "%.$") or find(path, "..", 1, true) then return { path } end
  local steps = {}
  for step in gmatch(path, "[^.]+") do steps[#steps + 1] = step end
  return steps
end

-- Return the field of an item at a path, or nil if it, or a record on the way to it, is null or absent. A name with dots
-- may also be the name of one field.
local function read_field(items, index, path, steps)
  local value = items.list[index]
  for i = 1, #steps do
    if value == nil or rawequal(value, null) then return nil end
    if type(value) ~= "table" then
      local owner = i == 1 and "item %d" or '"' .. concat(steps, ".", 1, i - 1) .. '" of item %d'
      local message = format('%s is %s and has no field "%s"', format(owner, index), kind_text(value), steps[i])
      native.raise(format("list.%s: %s", items.name, message))
    end
    local field = value[steps[i]]
    if type(field) == "function" and records.has_type(value) then -- a method of its text
      field = records.absent_field(ours(value).type, steps[i])
    end
    if field == nil and i == 1 and #steps > 1 and not records.has_type(value) then return value[path] end
    value = field
  end
  if rawequal(value, null) then return nil end
  return value
end

-- Return a key's value as a text, number or boolean, or nil for null.
local function scalar(items, index, value, path)
  if value == nil or IS_SCALAR[type(value)] then return value end
  if rawequal(value, null) then return nil end
  local label = type(value) == "table" and label_of(value)
  if IS_SCALAR[type(label)] and label ~= false then return label end
  local what = path and format('"%s" of item %d is', path, index) or format("item %d gives", index)
  native.raise(format("list.%s: %s %s, and a key must be a text, a number or a boolean", items.name, what, kind_text(value)))
end

-- Raise an error if a list without items would have no such field.
local function check_path(items, steps)
  local kind = keys.type_of(items)
  for _, step in ipairs(steps) do
    if not kind then return end
    records.absent_field(kind, step)
    kind = kind.fields[step]
  end
end

-- Return whether a name is another one with one letter wrong, missing or too many, or with two letters exchanged.
local function is_misspelt(name, other)
  if #name < 3 or find(name, "%d") then return false end
  local i = 1
  while sub(name, i, i) == sub(other, i, i) do i = i + 1 end
  local rest, other_rest = sub(name, i + 1), sub(other, i + 1)
  return rest == other_rest or rest == sub(other, i) or sub(name, i) == other_rest
    or sub(name, i, i + 1) == reverse(sub(other, i, i + 1)) and sub(rest, 2) == sub(other_rest, 2)
end

keys.is_misspelt = is_misspelt

local LIBRARY = { list = true, list_keys = true } -- the files between a script and the functions here

-- Of a field that no item has: raise an error if the first item has a field of nearly the same name, else tell the parent,
-- which warns. Tables of the script's own, and values from Python, have no columns that would tell.
local function check_absent(items, path)
  fill(items)
  local item = items.list[1]
  if type(item) ~= "table" or rawequal(item, null) or native.is_namespace(item) then return end
  native.touch(item)
  if rawget(item, path) ~= nil then return end
  for name in next, item do
    if type(name) == "string" and is_misspelt(path, name) then
      native.raise(format('list.%s: no item has a field "%s". Did you mean "%s"?', items.name, path, name))
    end
  end
  local names, first = json.keys(item), steps_of(path)[1]
  for _, name in ipairs(names) do
    if name == path or name == first then return end
  end
  local line = #path <= MAX_WANTED_BYTES and names[1] and native.line_of_call(LIBRARY)
  if line then native.tell({ kind = "absent", line = line }, { path, concat(names, ", ", 1, math.min(#names, MAX_NAMES)) }) end
end

-- Return the values of a field by index; with `as_key` as texts, numbers and booleans.
local function read_values(items, path, as_key)
  local steps = steps_of(path)
  if items.count == 0 then check_path(items, steps) end
  local values, default
  if items.is_unfilled then
    values, default = records.column(items.list, steps, as_key)
    if values and next(values) == nil and #steps > 1 and not keys.type_of(items) then
      values, default = records.column(items.list, { path }, as_key)
    end
  end
  if values and default == nil then return values end
  local column = values
  values = {}
  if column then
    for i = 1, items.count do
      local value = column[i]
      if value == nil then value = default end
      values[i] = value
    end
    return values
  end
  fill(items)
  for i = 1, items.count do
    local value = read_field(items, i, path, steps)
    if as_key then value = scalar(items, i, value, path) end
    values[i] = value
  end
  if items.count > 0 and next(values) == nil and find(path, "[=<>]") then
    native.raise(format('list.%s: "%s" is not a field; write it as function(item) return … end', items.name, path))
  end
  return values
end

local function field_values(items, path, as_key)
  local values = read_values(items, path, as_key)
  if items.count > 0 and next(values) == nil and not keys.type_of(items) then check_absent(items, path) end
  return values
end

-- Return the results of a function, or the values of a field, by index.
function keys.map_values(items, f)
  fill(items)
  if type(f) == "string" then return field_values(items, f, false) end
  if type(f) ~= "function" then raise_argument(items.name, 2, "f", KEY, f) end
  local results = {}
  for i = 1, items.count do results[i] = f(items.list[i]) end
  return results
end

-- Return the values of a key by index: texts, numbers and booleans, or nil for null. Without a key they are the items.
function keys.values(items, key, position)
  local values = {}
  if type(key) == "string" then return field_values(items, key, true) end
  if type(key) == "function" then
    fill(items)
    for i = 1, items.count do values[i] = scalar(items, i, key(items.list[i])) end
    return values
  end
  fill(items)
  local first = items.list[1]
  if key ~= nil or type(first) == "table" and not rawequal(first, null) and label_of(first) == nil then
    raise_argument(items.name, position, "key", KEY, key)
  end
  for i = 1, items.count do values[i] = scalar(items, i, items.list[i]) end
  return values
end

-- Tests -------------------------------------------------------------------------------------------------------

-- Return whether a table of wanted values has another such table, for the fields of a nested record, as a value.
local function is_nested(wanted)
  if type(wanted) ~= "table" or rawequal(wanted, null) or label_of(wanted) ~= nil then return false end
  if native.is_namespace(wanted) then return false end
  native.touch(wanted)
  return next(wanted) ~= nil and json.form(wanted) == "object"
end

-- Return the values that a field may have, as { value = true, … }, whether null is one, and their types.
local function wanted_values(name, path, wanted)
  local allowed, types, allows_null = {}, {}, false
  local is_list = type(wanted) == "table" and not rawequal(wanted, null) and label_of(wanted) == nil
  for _, value in ipairs(is_list and wanted or { wanted }) do
    local label = type(value) == "table" and label_of(value)
    if label ~= nil and label ~= false then value = label end
    if rawequal(value, null) then allows_null = true
    elseif IS_SCALAR[type(value)] then allowed[value], types[type(value)] = true, true
    else
      local needed = "a text, a number, a boolean, json.null or a list of these"
      native.raise(format('list.%s: the wanted value of "%s" must be %s, got %s', name, path, needed, kind_text(value)))
    end
  end
  return allowed, allows_null, types
end

-- Add the conditions { path, wanted } of a table of wanted values.
local function add_conditions(conditions, name, wanted, prefix, depth)
  if depth > MAX_DEPTH then native.raise(format("list.%s: the wanted values are nested too deeply", name)) end
  for field, value in next, wanted do
    if type(field) ~= "string" then
      local example = '{ state = "crashed" }, with one `=`'
      native.raise(format("list.%s: argument 2 (test) has a value without a field; write it as %s", name, example))
    end
    if is_nested(value) then add_conditions(conditions, name, value, prefix .. field .. ".", depth + 1)
    else conditions[#conditions + 1] = { path = prefix .. field, wanted = value } end
  end
end

-- Give a condition a function `holds`, which says whether the field of the item at an index has a wanted value, and
-- what it compares. A value of another type than those wanted is an error, because it would never be equal.
local function complete(items, condition)
  local path, name = condition.path, items.name
  local allowed, allows_null, types = wanted_values(name, path, condition.wanted)
  local values = field_values(items, path, true)
  condition.allowed, condition.values = allowed, values
  condition.holds = function(index)
    local value = values[index]
    if value == nil then return allows_null end
    if allowed[value] then return true end
    if next(types) and not types[type(value)] then
      local wanted = kind_text((next(allowed)))
      native.raise(format('list.%s: "%s" of item %d is %s, and is compared with %s', name, path, index, kind_text(value), wanted))
    end
    return false
  end
end

local function table_test(items, wanted)
  if rawequal(wanted, null) or native.is_namespace(wanted) or ours(wanted) then
    raise_argument(items.name, 2, "test", TEST, wanted)
  end
  local conditions = {}
  add_conditions(conditions, items.name, wanted, "", 0)
  if #conditions == 0 then
    local hint = "names no field; a value that is nil is no condition, and json.null stands for null"
    native.raise(format("list.%s: argument 2 (test) %s", items.name, hint))
  end
  sort(conditions, function(a, b) return a.path < b.path end)
  for i = 1, #conditions do complete(items, conditions[i]) end
  if #conditions == 1 then return conditions[1].holds, conditions end
  return function(index)
    for i = 1, #conditions do
      if not conditions[i].holds(index) then return false end
    end
    return true
  end, conditions
end

local function without_punctuation(text) return lower((gsub(text, "[%s%p]", ""))) end

-- Return a value that a text may be meant to be, if none of the values is that text: it differs only in case and
-- punctuation, or by a letter.
local function meant_value(values, count, wanted)
  local letters, seen, similar = without_punctuation(wanted), {}, nil
  for i = 1, count do
    local value = values[i]
    if value == wanted then return nil end
    if not similar and type(value) == "string" and #value <= MAX_WANTED_BYTES and not seen[value] then
      seen[value] = true
      if letters ~= "" and without_punctuation(value) == letters or is_misspelt(wanted, value) then similar = value end
    end
  end
  return similar
end

-- Tell the parent of each wanted text of a test without a match that no item has, but that is nearly a value of one. The
-- parent warns if the text is written in the script.
function keys.tell_unmatched(items, conditions)
  for _, condition in ipairs(conditions) do
    for wanted in next, condition.allowed do
      if type(wanted) == "string" and #wanted <= MAX_WANTED_BYTES then
        local similar = meant_value(condition.values, items.count, wanted)
        if similar then
          native.tell({ kind = "unmatched" }, { condition.path, wanted, similar })
        end
      end
    end
  end
end

-- Return a function that says whether the item at an index passes a test: a function or field whose value is neither
-- false nor null, or a table of wanted values. Of a table return also its conditions.
function keys.test(items, test)
  if type(test) == "function" then
    fill(items)
    local list = items.list
    return function(index)
      local result = test(list[index])
      return result and not rawequal(result, null)
    end
  end
  if type(test) == "string" then
    local values = field_values(items, test, false)
    return function(index) return values[index] end
  end
  if type(test) ~= "table" then raise_argument(items.name, 2, "test", TEST, test) end
  return table_test(items, test)
end

return keys
