-- Values of earlier cells: `_`, `__` and `___` for the last three, and `Out[n]` for the cell with number n.
--
-- The three are ordinary variables, and a value that a script assigns to one stays there. The values of `Out` are kept
-- in the parent and take no memory in Lua; each access fetches a copy.

local native, spaces, environment = ...
local concat, format = table.concat, string.format
local rawequal, rawget, rawset, mathtype = rawequal, rawget, rawset, math.type

local NAMES = { "_", "__", "___" }

local outputs = {}
local last_values = {} -- the value that was last set for each of the names

local function value_of(number) return spaces.answers({ kind = "output_of", number = number }) end

-- Return the numbers of the cells whose values are kept, in order.
local function fetch_numbers() return native.ask({ kind = "outputs" }).numbers end

-- Return the text that `print` shows for `Out`. `untouched` is true for editors, when the parent cannot be asked.
local function text(untouched)
  local kept_numbers, ranges = untouched and {} or fetch_numbers(), {}
  if #kept_numbers == 0 then return "Out[n]: what cell n gave" end
  local index = 1
  while index <= #kept_numbers do
    local last = index
    while kept_numbers[last + 1] == kept_numbers[last] + 1 do last = last + 1 end
    if last < index + 2 then last = index end
    ranges[#ranges + 1] = last > index and format("%d to %d", kept_numbers[index], kept_numbers[last])
      or format("%d", kept_numbers[index])
    index = last + 1
  end
  return format(
    "Out: the value%s of cell%s %s", #kept_numbers > 1 and "s" or "", #kept_numbers > 1 and "s" or "",
    concat(ranges, ", ")
  )
end

-- A read-only namespace; editors see only its name.
local Out = setmetatable({}, native.register {
  __metatable = false, kind = "namespace", text = text,
  all = function() return {} end,
  look = function() return nil end,
  __index = function(_, number)
    if mathtype(number) ~= "integer" then native.raise("Out has values by the number of a cell: Out[1]") end
    local value = value_of(number)
    if value == nil then native.raise(format("Out[%d] has no value that is kept. %s", number, text())) end
    return value
  end,
  __newindex = function() native.raise("Out holds what the cells gave, and cannot be changed") end,
  __len = function()
    local kept_numbers = fetch_numbers()
    return kept_numbers[#kept_numbers] or 0
  end,
  __pairs = function(out)
    local kept_numbers, index = fetch_numbers(), 0
    return function()
      index = index + 1
      if kept_numbers[index] then return kept_numbers[index], value_of(kept_numbers[index]) end
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
    local new_value = value
    if i > 1 then new_value = last_values[i - 1] end
    if rawequal(rawget(environment, name), last_values[i]) then rawset(environment, name, new_value) end
    last_values[i] = new_value
  end
end

return outputs
