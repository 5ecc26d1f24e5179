-- Order the keys of a script's own tables as in the script's text, since Lua tables keep no order.
--
-- The parent parses the text when the first table of a run with several such keys needs it. A table whose keys are
-- exactly those of one table constructor in the text gets the order of that constructor. In any other table, keys are
-- ordered by their first occurrence in the text, so that fields added later (`row.total = …`) come later.

local native = ...
local ipairs, sort, type = ipairs, table.sort, type

local key_order = {}

local is_loaded = true -- whether nothing is left to request: the parent has replied in this run, or there is no run
local ranks = {} -- name -> rank of its first occurrence in the text
local constructors = {} -- name -> the constructors that contain it, as { names = list, has = set }
local last_match -- the constructor that matched last

-- Start a run.
function key_order.begin() is_loaded = false end

-- End a run; requests to the parent are only possible during one.
function key_order.finish() is_loaded = true end

local function load_order()
  is_loaded = true
  local response = native.ask({ kind = "orders" })
  ranks, constructors, last_match = {}, {}, nil
  for rank, name in ipairs(response.names) do ranks[name] = rank end
  for _, names in ipairs(response.constructors) do
    local constructor = { names = names, has = {} }
    for _, name in ipairs(names) do
      constructor.has[name] = true
      constructors[name] = constructors[name] or {}
      constructors[name][#constructors[name] + 1] = constructor
    end
  end
end

local function has_keys(constructor, keys)
  if #constructor.names ~= #keys then return false end
  for i = 1, #keys do
    if not constructor.has[keys[i]] then return false end
  end
  return true
end

-- Order numbers first, then names by their place in the text, then other names alphabetically.
local function precedes(a, b)
  if type(a) ~= type(b) then return type(a) == "number" end
  if type(a) == "string" then
    local rank_a, rank_b = ranks[a] or 1e9, ranks[b] or 1e9
    if rank_a ~= rank_b then return rank_a < rank_b end
  elseif type(a) ~= "number" then return false end
  return a < b
end

-- Return the keys of one table in order. May sort the list in place; the caller must not change the result.
function key_order.sorted(keys)
  if #keys < 2 then return keys end
  if not is_loaded then load_order() end
  if last_match and has_keys(last_match, keys) then return last_match.names end
  for _, constructor in ipairs(constructors[keys[1]] or {}) do
    if has_keys(constructor, keys) then
      last_match = constructor
      return constructor.names
    end
  end
  sort(keys, precedes)
  return keys
end

return key_order
