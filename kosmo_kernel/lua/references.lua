-- References: records nested in others, such as the app of a dyno, read as their names where a text is needed.

local native = ...
local rawget, rawequal, tostring, type = rawget, rawequal, tostring, type
local getmetatable, ours = debug.getmetatable, native.ours

local references = {}

-- Return the value that represents a nested reference, usually its name, or nil if it has none.
local function label_of(value)
  local metatable = ours(value)
  local kind = metatable and metatable.type
  if kind and kind.label then return value[kind.label] end
end
references.label_of = label_of

local function text_of(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" then return tostring(value) end
  if kind == "table" then
    local label = label_of(value)
    return label ~= nil and tostring(label) or nil
  end
end
references.text_of = text_of

-- Concatenate two values, one of them a record or nil; also the `__concat` of nil.
local function joined(a, b)
  local left, right = text_of(a), text_of(b)
  if left == nil and a == nil and native.was_null() then left = "" end
  if right == nil and b == nil and native.was_null() then right = "" end
  if left and right then return left .. right end
  for i = 1, 2 do -- a script's own table may have a `__concat`
    local operand = i == 1 and a or i == 2 and b
    local metatable = type(operand) == "table" and not ours(operand) and getmetatable(operand)
    local join = metatable and rawget(metatable, "__concat")
    if join then return join(a, b) end
  end
  if left == nil then native.raise_join(a, true) end
  native.raise_join(b, false)
end
references.joined = joined

local function compare(operator)
  return function(a, b)
    local left, right = text_of(a), text_of(b)
    if not left or not right then
      local event = operator == "<" and "__lt" or "__le"
      for i = 1, 2 do -- a script's own table may have one
        local operand = i == 1 and a or i == 2 and b
        local metatable = type(operand) == "table" and not ours(operand) and getmetatable(operand)
        local own = metatable and rawget(metatable, event)
        if own then return own(a, b) end
      end
      native.raise_comparison(a, b)
    end
    if operator == "<" then return left < right end
    return left <= right
  end
end
local less, less_or_equal = compare("<"), compare("<=")
references.less, references.less_or_equal = less, less_or_equal

return references
