-- Concatenate null fields: `app.name .. app.web_url` works when `web_url` is null, but a misspelt field is an error. Name
-- a nil that is concatenated or compared.
--
-- A nil does not show where it came from. So a record notes the function and line that read a declared field that is
-- nil, and nil's `__concat` treats it as an empty text in that expression only. Everywhere else it raises Lua's usual
-- error, with the variable's name. Only the source text shows which lines form one expression, so the parent parses it.

local native, records, naming = ...
local format = string.format
local getinfo, type = debug.getinfo, type

local noted_function, noted_line
local replies = {} -- the parent's replies in this run, by chunk and lines
local concatenation = {}

-- Start a run, whose text may differ from the last one.
function concatenation.begin() replies = {} end

-- Return the parent's reply about the `..` from one line to another.
local function ask_parent(chunk, first_line, last_line)
  local key = format("%d %d %s", first_line, last_line, chunk)
  replies[key] = replies[key] or native.ask({ kind = "joins", chunk = chunk, first = first_line, last = last_line })
  return replies[key]
end

function native.note_null()
  local info = getinfo(3, "fl") -- level 1 is this function, 2 the reader of absent fields (tail-called), 3 the script
  if info then noted_function, noted_line = info.func, info.currentline end
end

-- Return whether two lines belong to one concatenation, that is, every line break between them is next to a `..`.
local function same_expression(source, first_line, last_line)
  if first_line > last_line then first_line, last_line = last_line, first_line end
  return ask_parent(source, first_line, last_line).whole
end

-- Return whether the nil that is being concatenated is a declared field read in the same expression.
function native.was_null()
  local info = getinfo(3, "flS")
  if not info or info.func ~= noted_function then return false end
  return noted_line == info.currentline or same_expression(info.short_src, noted_line, info.currentline)
end

-- Raise the error for an operand that cannot be concatenated; `left` tells which of the two it is.
function native.raise_join(culprit, left)
  native.raise(format("attempt to concatenate a %s value%s", type(culprit), naming.of_concatenated(4, left)))
end

-- Raise the error for operands of `<` or `<=` that cannot be compared.
function native.raise_comparison(a, b)
  local left, right = type(a), type(b)
  local name = (a == nil or b == nil) and naming.of_compared(4, a, b) or ""
  if left == right then native.raise(format("attempt to compare two %s values%s", left, name)) end
  if a == nil then left = left .. name elseif b == nil then right = right .. name end
  native.raise(format("attempt to compare %s with %s", left, right))
end

debug.setmetatable(nil, {
  __metatable = false, __concat = records.joined, __lt = records.less, __le = records.less_or_equal,
})

return concatenation
