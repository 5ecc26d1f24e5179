-- Describe variables for an editor: names for completion, types, and the source of a function.
--
-- Everything is read raw: no code of a script runs, no request goes to the parent, no list is filled, and no row
-- becomes a plain record. The parent knows the fields of a call's result from the catalogue, so a value that comes from
-- a call is described by the function's name and by its path inside the records.

local native, json, cells, spaces, text, positions, methods = ...
local concat, gmatch = table.concat, string.gmatch
local getinfo, getlocal, getmetatable, next, rawget, rawlen, type = debug.getinfo, debug.getlocal, debug.getmetatable, next, rawget, rawlen, type
local ours = native.ours

local MAX_NAMES = 2000 -- names returned for one table
local MAX_EXAMINED_KEYS = 20000 -- keys examined to find them
local MAX_NAME_BYTES = 100 -- bytes of a name
local MAX_INDEX_CHAIN = 20 -- length of a chain of `__index` tables
local MAX_RENDERED_VALUES = 500 -- values inside a value that is shown as text
local MAX_TEXT_BYTES = 2000 -- bytes of that text
local MAX_PARAMETERS = 60

local OUTPUT_NAMES = { _ = true, __ = true, ___ = true, Out = true } -- set for each cell, not by it

local introspection = {}

local initial_globals = {} -- the globals before any cell has run
function introspection.begin()
  for name, value in next, native.environment do initial_globals[name] = value end
end

-- Return the `__index` of a script's table if it is a table, else nil.
local function index_table(value)
  local metatable = not ours(value) and getmetatable(value)
  local index = metatable and rawget(metatable, "__index")
  return type(index) == "table" and index or nil
end

local function field(value, key)
  for _ = 1, MAX_INDEX_CHAIN do
    if native.is_namespace(value) then return type(key) == "string" and spaces.child(value, key) or nil end
    local result = rawget(value, key)
    if result ~= nil then return result end
    value = index_table(value)
    if not value then return nil end
  end
end

-- Return where a value from a call comes from: the function's name, the record type at that place, the path of fields
-- to it, and whether it is a list.
local function origin(value)
  local metatable = type(value) == "table" and ours(value)
  local kind = metatable and metatable.type
  if not kind then return nil end
  if metatable.kind == "row" then
    local root = metatable.state.type
    return root.root and { name = root.name, kind = kind, path = metatable.path } or nil
  end
  return kind.root and { name = kind.name, kind = kind, path = {}, many = metatable.kind ~= "record" } or nil
end

local function has(kind, key)
  for _, name in ipairs(kind.names) do
    if name == key then return true end
  end
  return false
end

-- Return whether the contents of a list or record are in Lua, so that reading them fetches nothing.
local function is_loaded(metatable) return metatable.kind ~= "row" and metatable.kind ~= "unfilled" end

-- Follow one key into records. Return the value, if it is in Lua, and its origin; nil and nil if there is no such key.
local function follow_key(value, value_origin, key)
  local child
  if type(value) == "table" then
    local metatable = ours(value)
    if not metatable then return field(value, key) end -- a script's own table inside a record
    if is_loaded(metatable) then child = rawget(value, key) end
    if type(child) == "table" and (not ours(child) or origin(child)) then return child, origin(child) end
  end
  if value_origin.many then
    return child, math.type(key) == "integer"
      and { name = value_origin.name, kind = value_origin.kind, path = {} } or nil
  end
  if not value_origin.kind or not has(value_origin.kind, key) then return child end
  local path = { table.unpack(value_origin.path) }
  path[#path + 1] = key
  return child, { name = value_origin.name, kind = value_origin.kind.fields[key], path = path }
end

-- Return the value at the end of a chain of names and numbers, and its origin; nil and nil if there is none.
local function resolve_chain(chain)
  local value, value_origin = native.environment, nil
  for i, key in ipairs(chain) do
    if i == 1 then
      local local_value, is_local = cells.get(key)
      if is_local then value = local_value else value = rawget(value, key) end
      value_origin = origin(value)
    elseif value_origin then
      value, value_origin = follow_key(value, value_origin, key)
    else
      if type(value) == "string" then value = rawget(methods, key)
      elseif type(value) == "table" then value = field(value, key)
      else return nil end
      value_origin = origin(value)
    end
    if value == nil and not value_origin then return nil end
  end
  return value, value_origin
end

local function parameters(f)
  local names = {}
  for i = 1, MAX_PARAMETERS do names[i] = getlocal(f, i) end
  if getinfo(f, "u").isvararg then names[#names + 1] = "..." end
  return concat(names, ", ")
end

local function script_function_info(f)
  local info = getinfo(f, "S")
  return info.what == "Lua" and not positions.is_trusted(info) and info
end

local function type_text(value)
  if type(value) == "function" and script_function_info(value) then return "function(" .. parameters(value) .. ")" end
  return type(value)
end

-- Return the type of a record that was nested in another record, or nil.
local function nested_record_type(value)
  local metatable = type(value) == "table" and ours(value)
  return metatable and metatable.kind == "record" and metatable.type or nil
end

function introspection.names(chain)
  local kinds, count, examined_count = {}, 0, 0
  local function add(name, kind)
    if type(name) == "string" and not kinds[name] and count < MAX_NAMES
      and #name <= MAX_NAME_BYTES and utf8.len(name) then
      kinds[name], count = kind, count + 1
    end
  end
  local function add_all(value)
    for name, item in next, value do
      examined_count = examined_count + 1
      if examined_count > MAX_EXAMINED_KEYS then return end
      add(name, type_text(item))
    end
  end
  if #chain == 0 then
    for name in next, cells.names() do add(name, type_text((cells.get(name)))) end
    add_all(native.environment)
    return kinds
  end
  local value, value_origin = resolve_chain(chain)
  local kind = value_origin and not value_origin.many and value_origin.kind or nested_record_type(value)
  if kind then
    for _, name in ipairs(kind.names) do add(name, kind.fields[name] and "table" or "field") end
  end
  if type(value) == "string" then value = methods end
  if type(value) ~= "table" or rawequal(value, json.null) then return kinds end
  for _ = 1, MAX_INDEX_CHAIN do
    if native.is_namespace(value) then
      for name, kind in next, spaces.names(value) do add(name, kind) end
      return kinds
    end
    local metatable = ours(value)
    if not metatable or is_loaded(metatable) then add_all(value) end
    value = index_table(value)
    if not value then return kinds end
  end
  return kinds
end

-- Return whether a value is small enough to be rendered between two keystrokes.
local function is_small(value, seen)
  if type(value) ~= "table" or seen[value] then return true end
  seen[value] = true
  for _, item in next, value do
    seen.count = seen.count + 1
    if seen.count > MAX_RENDERED_VALUES or not is_small(item, seen) then return false end
  end
  return true
end

function introspection.resolve(chain)
  local value, value_origin = resolve_chain(chain)
  if value == nil and not value_origin then return {} end
  local description = {
    found = true, type = value ~= nil and type(value) or value_origin.kind and "table" or "field", text = "",
  }
  if value_origin then
    description.of, description.path = value_origin.name, json.array_of(value_origin.path)
    description.many = value_origin.many or false
  end
  local space = native.is_namespace(value) and getmetatable(value).path -- `Out` is a namespace without a path
  if value ~= nil and not value_origin and not space and is_small(value, { count = 0 }) then
    description.text = text.clipped(text.render(value, true), MAX_TEXT_BYTES)
  end
  description.space = space or nil
  description.reads = (nested_record_type(value) or {}).label and true or nil
  if type(value) == "function" then
    description["function"] = native.catalogue_name(value)
    local info = script_function_info(value)
    local source = info and positions.source(info.short_src)
    if source then
      local lines, line_number = {}, 1
      for line in gmatch(source .. "\n", "([^\n]*)\n") do
        if line_number >= info.linedefined and line_number <= info.lastlinedefined then lines[#lines + 1] = line end
        line_number = line_number + 1
      end
      description.source, description.line, description.chunk = concat(lines, "\n"), info.linedefined, info.short_src
      description.params = parameters(value)
    end
  end
  return description
end

-- Return the size of a value as a number and its unit, or nil for a value without parts.
local function size(value)
  if type(value) == "string" then return utf8.len(value) or #value, utf8.len(value) and "character" or "byte" end
  if type(value) ~= "table" or native.is_namespace(value) or rawequal(value, json.null) then return nil end
  local metatable = ours(value)
  if metatable and metatable.kind == "unfilled" then return metatable.state.count, "row" end
  if metatable and metatable.kind == "row" then return #metatable.type.names, "field" end
  if metatable and metatable.kind == "record" then return #json.keys(value), "field" end
  local count = 0
  for _ in next, value do
    count = count + 1
    if count > MAX_EXAMINED_KEYS then return MAX_EXAMINED_KEYS, "or more " .. (metatable and "row" or "item") end
  end
  if metatable and metatable.kind == "list" then return count, "row" end
  return count, count == rawlen(value) and "item" or "field"
end

local function type_of(value)
  if native.is_namespace(value) then return "namespace" end
  if rawequal(value, json.null) then return "null" end
  local metatable = type(value) == "table" and ours(value)
  local kind = metatable and metatable.kind
  if kind == "unfilled" or kind == "list" then return "list" end
  if kind == "record" or kind == "row" then return "record" end
  return type_text(value)
end

-- Return the variables that cells have set, by name, as texts of three lines: scope, type and size.
function introspection.variables()
  local descriptions, variable_count = {}, 0
  local function add(name, value, scope)
    if type(name) ~= "string" or descriptions[name] or variable_count >= MAX_NAMES
      or #name > MAX_NAME_BYTES or not utf8.len(name) then return end
    local count, unit = size(value)
    local size_text = count and string.format("%d %s%s", count, unit, count == 1 and "" or "s") or ""
    descriptions[name], variable_count = concat({ scope, type_of(value), size_text }, "\n"), variable_count + 1
  end
  for name in next, cells.names() do
    local value = cells.get(name)
    if value ~= nil then add(name, value, "local") end
  end
  for name, value in next, native.environment do
    if not OUTPUT_NAMES[name] and not rawequal(initial_globals[name], value) then add(name, value, "global") end
  end
  return descriptions
end

return introspection
