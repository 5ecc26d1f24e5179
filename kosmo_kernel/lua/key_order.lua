-- Order the keys of a script's own tables as in the script's text, since Lua tables keep no order.
--
-- The parent parses the text when the first table of a run with several such keys needs it. A table whose keys are
-- exactly those of one table constructor in the text gets the order of that constructor. In any other table, keys are
-- ordered by their first occurrence in the text, so that fields added later (`row.total = …`) come later.

local native = ...
local ipairs, sort, type = ipairs, table.sort, type

local key_order = {}

local learnt = true -- whether nothing is left to request: the parent has replied in this run, or there is no run
local places = {} -- name -> rank of its first occurrence in the text
local constructors = {} -- name -> the constructors that contain it, as { names = list, has = set }
local latest -- the constructor that matched last

-- Start a run.
function key_order.begin() learnt = false end

-- End a run; requests to the parent are only possible during one.
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

-- Order numbers first, then names by their place in the text, then other names alphabetically.
local function before(a, b)
  if type(a) ~= type(b) then return type(a) == "number" end
  if type(a) == "string" then
    local x, y = places[a] or 1e9, places[b] or 1e9
    if x ~= y then return x < y end
  elseif type(a) ~= "number" then return false end
  return a < b
end

-- Return the keys of one table in order. May sort the list in place; the caller must not change the result.
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
