-- What earlier cells gave: `_`, `__` and `___` for the last three, and `Out[n]` for a cell by its number.
--
-- The three are variables like any other, and what a script puts into one stays there. The values behind `Out`
-- are the parent's and take no room in Lua's heap; a table from there is a copy, fetched when it is asked for.

local native, spaces, environment = ...
local concat, format = table.concat, string.format
local rawequal, rawget, rawset, integer = rawequal, rawget, rawset, math.type

local NAMES = { "_", "__", "___" }

local outputs = {}
local given = {} -- what each of the names has from us

local function value_of(number)
  if integer(number) ~= "integer" then return nil end
  return spaces.answers({ kind = "output_of", number = number })
end

-- The numbers of the cells whose values are kept, in order.
local function numbers() return native.ask({ kind = "outputs" }).numbers end

-- What print says of it. `untouched` is for editors, while nobody is there to ask.
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

-- A namespace, which can be looked at and not changed; no editor looks further than its name.
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
