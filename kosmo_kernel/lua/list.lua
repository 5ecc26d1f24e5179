-- `list`: functions for lists, above all of records; see `docs.read("list")`.
--
-- Every function returns a new list and leaves the given one as it is. A list made from one of records is a list of
-- records with their columns.

local native, json, records, keys = ...
local concat, format, sort = table.concat, string.format, table.sort
local ipairs, next, rawequal, rawget, select, tostring, type = ipairs, next, rawequal, rawget, select, tostring, type
local mathtype, tointeger = math.type, math.tointeger
local null = json.null
local kind_text, raise_argument = keys.kind_text, keys.raise_argument

local library = {} -- what a script sees
local TESTED = { filter = true, reject = true, find = true } -- functions that take a test

-- Define a function that takes `list` and at most `max_arguments` arguments in all.
local function define(name, max_arguments, f)
  library[name] = function(list, ...)
    if rawequal(list, library) then native.raise(format("list.%s: write `list.%s(…)` with a dot", name, name)) end
    if type(list) == "function" then native.raise(format("list.%s: the list is argument 1, before the function", name)) end
    for position = max_arguments + 1, select("#", ...) + 1 do
      local extra, field = select(position - 1, ...), ...
      if extra ~= nil then
        local hint = TESTED[name] and type(field) == "string" and format("; write { %s = … }", field) or ""
        local message = "list.%s takes %d arguments, got %s as argument %d%s"
        native.raise(format(message, name, max_arguments, kind_text(extra), position, hint))
      end
    end
    return f(keys.items(name, list), ...)
  end
end

-- Selecting ---------------------------------------------------------------------------------------------------

local function select_items(items, test, wanted)
  local is_match, conditions = keys.test(items, test)
  local indexes = {}
  for i = 1, items.count do
    if not is_match(i) ~= wanted then indexes[#indexes + 1] = i end
  end
  if conditions and #indexes == (wanted and 0 or items.count) then keys.tell_unmatched(items, conditions) end
  return keys.selected(items, indexes)
end

define("filter", 2, function(items, test) return select_items(items, test, true) end)
define("reject", 2, function(items, test) return select_items(items, test, false) end)

define("find", 2, function(items, test)
  local is_match, conditions = keys.test(items, test)
  for i = 1, items.count do
    if is_match(i) then return keys.item(items, i) end
  end
  if conditions then keys.tell_unmatched(items, conditions) end
  return nil
end)

-- Return the number of first items that `count` means.
local function first_count(items, count)
  local number = mathtype(count) and tointeger(count)
  if not number or number < 0 then raise_argument(items.name, 2, "count", "a whole number, 0 or more", count) end
  return number < items.count and number or items.count
end

define("take", 2, function(items, count)
  local indexes = {}
  for i = 1, first_count(items, count) do indexes[i] = i end
  return keys.selected(items, indexes)
end)

define("drop", 2, function(items, count)
  local indexes = {}
  for i = first_count(items, count) + 1, items.count do indexes[#indexes + 1] = i end
  return keys.selected(items, indexes)
end)

-- Stand for null and NaN where keys are keys of a table.
local NULL, NAN = {}, {}

define("unique_by", 2, function(items, key)
  local values, seen, indexes = keys.values(items, key, 2), {}, {}
  for i = 1, items.count do
    local value = values[i]
    if value == nil then value = NULL elseif value ~= value then value = NAN end
    if not seen[value] then
      seen[value] = true
      indexes[#indexes + 1] = i
    end
  end
  return keys.selected(items, indexes)
end)

-- Sort an index for each item by the values of a key. Null and NaN come last; equal items keep their order.
define("sort_by", 3, function(items, key, order)
  if order ~= nil and order ~= "asc" and order ~= "desc" then
    raise_argument("sort_by", 3, "order", '"asc" or "desc"', order)
  end
  local values = keys.values(items, key, 2)
  local indexes, last, ranks, first = {}, {}, {}, nil
  for i = 1, items.count do
    local value = values[i]
    if value == nil or value ~= value then last[#last + 1] = i
    else
      first = first or i
      if type(value) ~= type(values[first]) then
        local kinds = format("%s and %s", kind_text(values[first]), kind_text(value))
        native.raise(format("list.sort_by: items %d and %d cannot be compared: %s", first, i, kinds))
      end
      if type(value) == "boolean" then value = value and 1 or 0 end
      ranks[i], indexes[#indexes + 1] = value, i
    end
  end
  sort(indexes, function(a, b)
    local x, y = ranks[a], ranks[b]
    if x == y then return a < b end
    if order == "desc" then return x > y end
    return x < y
  end)
  for i = 1, #last do indexes[#indexes + 1] = last[i] end
  return keys.selected(items, indexes)
end)

-- Transforming ------------------------------------------------------------------------------------------------

define("map", 2, function(items, f)
  local results, values = {}, keys.map_values(items, f)
  for i = 1, items.count do
    local value = values[i]
    if value == nil then value = null end
    results[i] = value
  end
  return json.array_of(results)
end)

define("flatten", 1, function(items)
  local results, common, is_mixed = {}, nil, false
  for i = 1, items.count do
    local inner = keys.item(items, i)
    if not rawequal(inner, null) then
      if not keys.is_list(inner) then
        native.raise(format("list.flatten: item %d must be a list, got %s", i, kind_text(inner)))
      end
      local inner_items = keys.items("flatten", inner)
      local kind = keys.type_of(inner_items)
      if not kind or common and kind.name ~= common.name then is_mixed = true end
      common = common or kind
      for j = 1, inner_items.count do results[#results + 1] = keys.item(inner_items, j) end
    end
  end
  return records.list_of(not is_mixed and common or nil, results)
end)

define("join", 3, function(items, separator, key)
  if type(separator) ~= "string" then raise_argument("join", 2, "separator", 'a text such as ", "', separator) end
  local values, texts = keys.values(items, key, 3), {}
  for i = 1, items.count do
    local value = values[i]
    texts[i] = value == nil and "" or tostring(value)
  end
  return concat(texts, separator)
end)

define("sum_by", 2, function(items, key)
  local values, sum = keys.values(items, key, 2), 0
  for i = 1, items.count do
    local value = values[i]
    if value ~= nil and type(value) ~= "number" then
      native.raise(format("list.sum_by: the value of item %d must be a number or null, got %s", i, kind_text(value)))
    end
    sum = sum + (value or 0)
  end
  return sum
end)

-- Tables by key -----------------------------------------------------------------------------------------------

-- Return the name in a table, and in JSON, of a key's value.
local function name_of(value)
  if type(value) == "string" or mathtype(value) == "integer" then return value end
  if value == nil or rawequal(value, null) then return "null" end
  if value ~= value then return "nan" end
  return tointeger(value) or tostring(value)
end

-- Return a table whose names are listed, and iterated over by `pairs`, in this order, and counted by `#`. It may also be
-- read by a boolean, nil and json.null, as the values of a key are.
local function ordered_table(fields, names)
  local has = {}
  for _, name in ipairs(names) do has[name] = true end
  return debug.setmetatable(fields, native.register {
    __metatable = false, kind = "record", keys = names, nulls = {}, has = has, quoted = {}, is_by_key = true,
    __index = function(value, key)
      local name = name_of(key)
      if name ~= key then return rawget(value, name) end
    end,
    __len = function(value)
      local count = 0
      for _, name in ipairs(json.keys(value)) do
        if rawget(value, name) ~= nil then count = count + 1 end
      end
      return count
    end,
    __pairs = function(value)
      local ordered, i = json.keys(value), 0
      return function()
        repeat i = i + 1 until ordered[i] == nil or rawget(value, ordered[i]) ~= nil
        return ordered[i], rawget(value, ordered[i])
      end, value, nil
    end,
  })
end

-- Return the indexes of the items by the name of their key, and the names in the order of their first item.
local function grouped(items, key)
  local values, groups, names, originals = keys.values(items, key, 2), {}, {}, {}
  for i = 1, items.count do
    local value = values[i]
    local name = name_of(value)
    local group = groups[name]
    if not group then
      group = {}
      groups[name], names[#names + 1], originals[name] = group, name, value
    elseif originals[name] ~= value and value == value then
      local kinds = format("%s and %s", kind_text(originals[name]), kind_text(value))
      native.raise(format("list.%s: two keys would both be named %s: %s", items.name, native.quoted(name), kinds))
    end
    group[#group + 1] = i
  end
  return groups, names
end

define("group_by", 2, function(items, key)
  local groups, names = grouped(items, key)
  for name, indexes in next, groups do groups[name] = keys.selected(items, indexes) end
  return ordered_table(groups, names)
end)

define("count_by", 2, function(items, key)
  local groups, names = grouped(items, key)
  for name, indexes in next, groups do groups[name] = #indexes end
  return ordered_table(groups, names)
end)

define("index_by", 2, function(items, key)
  local groups, names = grouped(items, key)
  for _, name in ipairs(names) do
    local indexes = groups[name]
    if indexes[2] then
      local hint = "; list.group_by keeps both, list.unique_by the first"
      native.raise(format("list.index_by: items %d and %d have the key %s%s", indexes[1], indexes[2], native.quoted(name), hint))
    end
    groups[name] = keys.item(items, indexes[1])
  end
  return ordered_table(groups, names)
end)

return library
