-- Joining null fields: `app.name .. app.web_url` is fine when `web_url` is null, a misspelt name is an error.
--
-- nil says nothing of where it came from. So a record notes the function and line that read a declared field which is
-- nil, and nil's `__concat` gives an empty text in that expression only. Everywhere else it raises what Lua would,
-- with the variable's name. Which lines belong to one expression, and what is joined on a line, only the text knows: the
-- parent reads it.

local native, records, cells = ...
local format = string.format
local getinfo, ipairs, rawget, type = debug.getinfo, ipairs, rawget, type

local noted_function, noted_line
local known = {} -- what the parent has read in this run, by chunk and lines
local joining = {}

-- A run starts, and with it a text.
function joining.begin() known = {} end

-- What the parent knows of the joins from one line to another: `whole`, and the `operands` of the last line.
local function read(chunk, first, last)
  local key = format("%d %d %s", first, last, chunk)
  known[key] = known[key] or native.ask({ kind = "joins", chunk = chunk, first = first, last = last })
  return known[key]
end

function native.note_null()
  local info = getinfo(3, "fl") -- this function, what reads absent fields (reached by a tail call), the script
  if info then noted_function, noted_line = info.func, info.currentline end
end

-- Whether two lines belong to one joined expression: every line break between them touches a `..`.
local function same_expression(source, a, b)
  if a > b then a, b = b, a end
  return read(source, a, b).whole
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
  if info.currentline < 1 then return "" end
  local operands = read(info.short_src, info.currentline, info.currentline).operands
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
  for _, names in ipairs(operands) do
    local last = names[1]
    local kind, value = value_of(last)
    for i = 2, #names do
      if type(value) ~= "table" then break end
      kind, last, value = "field", names[i], rawget(value, names[i])
    end
    if value == nil then found = format(" (%s '%s')", kind, last) end
  end
  return found
end

function native.raise_join(culprit)
  native.raise(format("attempt to concatenate a %s value%s", type(culprit), culprit == nil and guilty(4) or ""))
end

debug.setmetatable(nil, { __metatable = false, __concat = records.joined })

return joining
