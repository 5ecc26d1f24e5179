-- In which order the keys of a script's own tables are told: as its text has them, since Lua keeps no order.
--
-- The parent reads the text, and only when it is asked: at the first table of a run that has several keys of its own.
-- A table whose keys are exactly the names of one constructor of the text has them as that one does. In any other table
-- each key stands where the text has it first: what was added later (`row.total = …`) comes later.

local native = ...
local ipairs, sort, type = ipairs, table.sort, type

local key_order = {}

local learnt = true -- the texts of this run, or there is no run
local places = {} -- name -> where the text has it first
local constructors = {} -- name -> those that have it, as { names = list, has = set }
local latest -- the constructor that was the right one last

-- A run starts.
function key_order.begin() learnt = false end

-- It is over, and nobody there to ask.
function key_order.finish() learnt = true end

local function learn()
  learnt = true
  local answer = native.ask({ kind = "orders" })
  places, constructors, latest = {}, {}, nil
  for place, name in ipairs(answer.names) do places[name] = place end
  for _, names in ipairs(answer.constructors) do
    local one = { names = names, has = {} }
    for _, name in ipairs(names) do
      one.has[name] = true
      constructors[name] = constructors[name] or {}
      constructors[name][#constructors[name] + 1] = one
    end
  end
end

local function is_of(constructor, keys)
  if #constructor.names ~= #keys then return false end
  for i = 1, #keys do
    if not constructor.has[keys[i]] then return false end
  end
  return true
end

-- Numbers first; then names where the text has them, those that it does not have by name.
local function before(a, b)
  if type(a) ~= type(b) then return type(a) == "number" end
  if type(a) == "string" then
    local x, y = places[a] or 1e9, places[b] or 1e9
    if x ~= y then return x < y end
  elseif type(a) ~= "number" then return false end
  return a < b
end

-- These keys of one table in order; the list may be sorted in place, and what comes back is not to be changed.
function key_order.sorted(keys)
  if #keys < 2 then return keys end
  if not learnt then learn() end
  if latest and is_of(latest, keys) then return latest.names end
  for _, one in ipairs(constructors[keys[1]] or {}) do
    if is_of(one, keys) then
      latest = one
      return one.names
    end
  end
  sort(keys, before)
  return keys
end

return key_order
