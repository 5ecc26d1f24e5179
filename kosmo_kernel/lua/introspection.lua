-- Describe variables for an editor: names for completion, types, and the source of a function.
--
-- Everything is read raw: no code of a script runs, no request goes to the parent, no list is filled, and no row
-- becomes a plain record. The parent knows the fields of a call's result from the catalogue, so a value that comes from
-- a call is described by the function's name and by its path inside the records.

local native, json, cells, spaces, text, positions, methods = ...
local concat, gmatch = table.concat, string.gmatch
local getinfo, getlocal, getmetatable, next, rawget, rawlen, type = debug.getinfo, debug.getlocal, debug.getmetatable, next, rawget, rawlen, type
local ours = native.ours

local OFFERED = 2000 -- names returned for one table
local LOOKED = 20000 -- keys examined to find them
local NAME_MOST = 100 -- bytes of a name
local HOPS = 20 -- length of a chain of `__index` tables
local SHOWN = 500 -- values inside a value that is shown as text
local TEXT = 2000 -- bytes of that text
local PARAMETERS = 60

local FROM_CELLS = { _ = true, __ = true, ___ = true, Out = true } -- set for each cell, not by it

local introspection = {}

local initial = {} -- the globals before any cell has run
for name, value in next, native.environment do initial[name] = value end

-- Return the `__index` of a script's table if it is a table, else nil.
local function behind(value)
  local metatable = not ours(value) and getmetatable(value)
  local next_one = metatable and rawget(metatable, "__index")
  return type(next_one) == "table" and next_one or nil
end

local function field(value, key)
  for _ = 1, HOPS do
    if native.is_namespace(value) then return type(key) == "string" and spaces.child(value, key) or nil end
    local found = rawget(value, key)
    if found ~= nil then return found end
    value = behind(value)
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
local function is_here(metatable) return metatable.kind ~= "row" and metatable.kind ~= "unfilled" end

-- Follow one key into records. Return the value, if it is in Lua, and its origin; nil and nil if there is no such key.
local function inside(value, of, key)
  local found
  if type(value) == "table" then
    local metatable = ours(value)
    if not metatable then return field(value, key) end -- a script's own table inside a record
    if is_here(metatable) then found = rawget(value, key) end
    if type(found) == "table" and (not ours(found) or origin(found)) then return found, origin(found) end
  end
  if of.many then return found, math.type(key) == "integer" and { name = of.name, kind = of.kind, path = {} } or nil end
  if not of.kind or not has(of.kind, key) then return found end
  local path = { table.unpack(of.path) }
  path[#path + 1] = key
  return found, { name = of.name, kind = of.kind.fields[key], path = path }
end

-- Return the value at the end of a chain of names and numbers, and its origin; nil and nil if there is none.
local function reach(chain)
  local value, of = native.environment, nil
  for i, key in ipairs(chain) do
    if i == 1 then
      local kept, is_kept = cells.get(key)
      if is_kept then value = kept else value = rawget(value, key) end
      of = origin(value)
    elseif of then
      value, of = inside(value, of, key)
    else
      if type(value) == "string" then value = rawget(methods, key)
      elseif type(value) == "table" then value = field(value, key)
      else return nil end
      of = origin(value)
    end
    if value == nil and not of then return nil end
  end
  return value, of
end

local function parameters(f)
  local names = {}
  for i = 1, PARAMETERS do names[i] = getlocal(f, i) end
  if getinfo(f, "u").isvararg then names[#names + 1] = "..." end
  return concat(names, ", ")
end

local function is_of_script(f)
  local info = getinfo(f, "S")
  return info.what == "Lua" and not positions.is_trusted(info) and info
end

local function kind_of(value)
  if type(value) == "function" and is_of_script(value) then return "function(" .. parameters(value) .. ")" end
  return type(value)
end

-- Return the type of a record that was nested in another record, or nil.
local function reading(value)
  local metatable = type(value) == "table" and ours(value)
  return metatable and metatable.kind == "record" and metatable.type or nil
end

function introspection.names(chain)
  local found, count, looked = {}, 0, 0
  local function add(name, kind)
    if type(name) == "string" and not found[name] and count < OFFERED and #name <= NAME_MOST and utf8.len(name) then
      found[name], count = kind, count + 1
    end
  end
  local function add_all(value)
    for name, one in next, value do
      looked = looked + 1
      if looked > LOOKED then return end
      add(name, kind_of(one))
    end
  end
  if #chain == 0 then
    for name in next, cells.names() do add(name, kind_of((cells.get(name)))) end
    add_all(native.environment)
    return found
  end
  local value, of = reach(chain)
  local kind = of and not of.many and of.kind or reading(value)
  if kind then
    for _, name in ipairs(kind.names) do add(name, kind.fields[name] and "table" or "field") end
  end
  if type(value) == "string" then value = methods end
  if type(value) ~= "table" or rawequal(value, json.null) then return found end
  for _ = 1, HOPS do
    if native.is_namespace(value) then
      for name, kind in next, spaces.names(value) do add(name, kind) end
      return found
    end
    local metatable = ours(value)
    if not metatable or is_here(metatable) then add_all(value) end
    value = behind(value)
    if not value then return found end
  end
  return found
end

-- Return whether a value is small enough to be rendered between two keystrokes.
local function is_small(value, seen)
  if type(value) ~= "table" or seen[value] then return true end
  seen[value] = true
  for _, one in next, value do
    seen.count = seen.count + 1
    if seen.count > SHOWN or not is_small(one, seen) then return false end
  end
  return true
end

function introspection.resolve(chain)
  local value, of = reach(chain)
  if value == nil and not of then return {} end
  local found = { found = true, type = value ~= nil and type(value) or of.kind and "table" or "field", text = "" }
  if of then found.of, found.path, found.many = of.name, json.array_of(of.path), of.many or false end
  local space = native.is_namespace(value) and getmetatable(value).path -- `Out` is a namespace without a path
  if value ~= nil and not of and not space and is_small(value, { count = 0 }) then
    found.text = text.clipped(text.render(value, true), TEXT)
  end
  found.space = space or nil
  found.reads = (reading(value) or {}).label and true or nil
  if type(value) == "function" then
    found["function"] = native.catalogue_name(value)
    local info = is_of_script(value)
    local source = info and positions.source(info.short_src)
    if source then
      local lines, at = {}, 1
      for line in gmatch(source .. "\n", "([^\n]*)\n") do
        if at >= info.linedefined and at <= info.lastlinedefined then lines[#lines + 1] = line end
        at = at + 1
      end
      found.source, found.line, found.chunk = concat(lines, "\n"), info.linedefined, info.short_src
      found.params = parameters(value)
    end
  end
  return found
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
    if count > LOOKED then return LOOKED, "or more " .. (metatable and "row" or "item") end
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
  return kind_of(value)
end

-- Return the variables that cells have set, by name, as texts of three lines: scope, type and size.
function introspection.variables()
  local found, told = {}, 0
  local function add(name, value, scope)
    if type(name) ~= "string" or found[name] or told >= OFFERED or #name > NAME_MOST or not utf8.len(name) then return end
    local count, unit = size(value)
    local many = count and string.format("%d %s%s", count, unit, count == 1 and "" or "s") or ""
    found[name], told = concat({ scope, type_of(value), many }, "\n"), told + 1
  end
  for name in next, cells.names() do
    local value = cells.get(name)
    if value ~= nil then add(name, value, "local") end
  end
  for name, value in next, native.environment do
    if not FROM_CELLS[name] and not rawequal(initial[name], value) then add(name, value, "global") end
  end
  return found
end

return introspection
