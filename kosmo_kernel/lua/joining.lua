-- Joining null fields: `app.name .. app.web_url` is fine when `web_url` is null, a misspelt name is an error.
--
-- nil says nothing of where it came from. So a record notes the function and line that read a declared field which is
-- nil, and nil's `__concat` gives an empty text in that expression only. Everywhere else it raises what Lua would,
-- with the variable's name, which has to be found in the line's text.

local native, records, cells = ...
local find, format, match = string.find, string.format, string.match
local getinfo, rawget, type = debug.getinfo, rawget, type
local line_of = native.line_of

local noted_function, noted_line

function native.note_null()
  local info = getinfo(3, "fl") -- this function, what reads absent fields (reached by a tail call), the script
  if info then noted_function, noted_line = info.func, info.currentline end
end

-- Whether two lines belong to one joined expression: every line break between them touches a `..`.
local function same_expression(source, a, b)
  if a > b then a, b = b, a end
  for number = a, b - 1 do
    if not find(line_of(source, number), "%.%.%s*$") and not find(line_of(source, number + 1), "^%s*%.%.") then return false end
  end
  return true
end

-- Whether the nil being joined now is a declared field read in the same expression.
function native.was_null()
  local info = getinfo(3, "flS")
  if not info or info.func ~= noted_function then return false end
  return noted_line == info.currentline or same_expression(info.short_src, noted_line, info.currentline)
end

-- The variable that holds nil in a join, as Lua's own message names it: ` (global 'x')`.
local function guilty(level)
  local info = getinfo(level, "flS")
  if not info then return "" end
  local line = line_of(info.short_src, info.currentline)
  local function value_of(name)
    for index = 1, 250 do
      local known, value = debug.getlocal(level + 1, index)
      if not known then break end
      if known == name then return "local", value end
    end
    for index = 1, 255 do
      local known, value = debug.getupvalue(info.func, index)
      if not known then break end
      if known == name then return cells.get(name) ~= nil and "local" or "upvalue", value end
    end
    return "global", rawget(native.environment, name)
  end
  -- The last operand that is nil: joins go from right to left.
  local found = ""
  for chain in string.gmatch(line, "[%a_][%w_%.]*") do
    local name, rest = match(chain, "^([%a_][%w_]*)(.*)$")
    local kind, value = value_of(name)
    local last = name
    for field in string.gmatch(rest, "%.([%a_][%w_]*)") do
      if type(value) ~= "table" then break end
      kind, last, value = "field", field, rawget(value, field)
    end
    local escaped = string.gsub(chain, "%.", "%%.")
    local is_operand = find(line, "%.%.%s*" .. escaped .. "%f[^%w_%.]") or find(line, "%f[%w_]" .. escaped .. "%s*%.%.")
    if value == nil and is_operand then found = format(" (%s '%s')", kind, last) end
  end
  return found
end

function native.raise_join(culprit)
  native.raise(format("attempt to concatenate a %s value%s", type(culprit), culprit == nil and guilty(4) or ""))
end

debug.setmetatable(nil, { __metatable = false, __concat = records.joined })
