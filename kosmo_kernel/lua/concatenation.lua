-- Joining null fields: `app.name .. app.web_url` is fine when `web_url` is null, a misspelt name is an error.
--
-- nil says nothing of where it came from. So a record notes the function and line that read a declared field which is
-- nil, and nil's `__concat` gives an empty text in that expression only. Everywhere else it raises what Lua would,
-- with the variable's name. Which lines belong to one expression only the text knows: the parent reads it.

local native, records, name_of = ...
local format = string.format
local getinfo, type = debug.getinfo, type

local noted_function, noted_line
local known = {} -- what the parent has read in this run, by chunk and lines
local concatenation = {}

-- A run starts, and with it a text.
function concatenation.begin() known = {} end

-- What the parent knows of the joins from one line to another.
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

-- `left` says which of the two operands it is.
function native.raise_join(culprit, left)
  native.raise(format("attempt to concatenate a %s value%s", type(culprit), name_of(4, left)))
end

debug.setmetatable(nil, { __metatable = false, __concat = records.joined })

return concatenation
