-- Values of earlier cells: `_`, `__` and `___` for the last three, and `Out[n]` for the cell with number n.
--
-- The three are ordinary variables, and a value that a script assigns to one stays there. The values of `Out` are kept
-- in the parent and take no memory in Lua; each access fetches a copy.

local native, spaces, environment = ...
local concat, format = table.concat, string.format
local rawequal, rawget, rawset, integer = rawequal, rawget, rawset, math.type

local NAMES = { "_", "__", "___" }

local outputs = {}
local given = {} -- the value that was last set for each of the names

local function value_of(number)
  if integer(number) ~= "integer" then return nil end
  return spaces.answers({ kind = "output_of", number = number })
end

-- Return the numbers of the cells whose values are kept, in order.
local function numbers() return native.ask({ kind = "outputs" }).numbers end

-- Return the text that `print` shows for `Out`. `untouched` is true for editors, when the parent cannot be asked.
local function text(untouched)
  local kept, told = untouched and {} or numbers(), {}
  if #kept == 0 then return "Out[n]: what cell n gave" end
  local at = 1
  while at <= #kept do
    local last = at
    while kept[last + 1] == kept[last] + 1 do last = last + 1 end
    if last < at + 2 then last = at end
    told[#told + 1] = last > at and format("%d to %d", kept[at], kept[last]) or format("%d", kept[at])
    at = last + 1
  end
  return format("Out: the value%s of cell%s %s", #kept > 1 and "s" or "", #kept > 1 and "s" or "", concat(told, ", "))
end

-- A read-only namespace; editors see only its name.
local Out = setmetatable({}, native.register {
  __metatable = false, kind = "namespace", text = text,
  all = function() return {} end,
  look = function() return nil end,
  __index = function(_, number) return value_of(number) end,
  __newindex = function() native.raise("Out holds what the cells gave, and cannot be changed") end,
  __len = function()
    local kept = numbers()
    return kept[#kept] or 0
  end,
  __pairs = function(out)
    local kept, at = numbers(), 0
    return function()
      at = at + 1
      if kept[at] then return kept[at], value_of(kept[at]) end
    end, out, nil
  end,
})

-- Start a numbered cell.
function outputs.begin()
  if rawget(environment, "Out") == nil then rawset(environment, "Out", Out) end
end

-- Set the value of a numbered cell, and shift the earlier ones.
function outputs.add(value)
  if value == nil then return end
  for i = #NAMES, 1, -1 do
    local name = NAMES[i]
    local newer = value
    if i > 1 then newer = given[i - 1] end
    if rawequal(rawget(environment, name), given[i]) then rawset(environment, name, newer) end
    given[i] = newer
  end
end

return outputs
