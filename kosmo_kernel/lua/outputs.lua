-- What earlier cells gave: `_`, `__` and `___` for the last three, and `Out[n]` for a cell by its number.
--
-- The three are variables like any other, and what a script puts into one stays there. The values behind `Out`
-- are the parent's and take no room in Lua's heap; a table from there is a copy.

local native, spaces, environment = ...
local rawequal, rawget, rawset, integer = rawequal, rawget, rawset, math.type

local NAMES = { "_", "__", "___" }

local outputs = {}
local given = {} -- what each of the names has from us

local Out = setmetatable({}, {
  __metatable = false,
  __index = function(_, number)
    if integer(number) ~= "integer" then return nil end
    return spaces.answers({ kind = "output_of", number = number })
  end,
  __newindex = function() native.raise("Out holds what the cells gave, and cannot be changed") end,
  __tostring = function() return "Out[n]: what cell n gave" end,
})

-- A cell with a number begins.
function outputs.begin()
  if rawget(environment, "Out") == nil then rawset(environment, "Out", Out) end
end

-- It gave this value.
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
