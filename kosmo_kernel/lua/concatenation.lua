-- Concatenate null fields: `app.name .. app.web_url` works when `web_url` is null, but a misspelt field is an error. Name
-- a nil that is concatenated or compared.
--
-- A nil does not show where it came from. So a record notes the function and line that read a declared field that is
-- nil, and nil's `__concat` treats it as an empty text in that expression only. Everywhere else it raises Lua's usual
-- error, with the variable's name. Only the source text shows which lines form one expression, so the parent parses it.

local native, records, naming = ...
local format = string.format
local getinfo, rawget, type = debug.getinfo, rawget, type

local noted_function, noted_line -- where a script has last read a declared field that is nil
local noted_record, noted_field
local replies = {} -- the parent's replies in this run, by chunk and lines
local concatenation = {}
local MAX_NAME_BYTES = 60 -- bytes of a name that a message shows

-- Start a run, whose text may differ from the last one.
function concatenation.begin() replies = {} end

-- Return the parent's reply about the `..` from one line to another.
local function ask_parent(chunk, first_line, last_line)
  local key = format("%d %d %s", first_line, last_line, chunk)
  replies[key] = replies[key] or native.ask({ kind = "joins", chunk = chunk, first = first_line, last = last_line })
  return replies[key]
end

function native.note_null(record, field)
  local info = getinfo(3, "fl") -- level 1 is this function, 2 the reader of absent fields (tail-called), 3 the script
  if info then noted_function, noted_line = info.func, info.currentline end
  noted_record, noted_field = record, field
end

-- Return the message of the error that ended a script, with the record and its null field if the script read a field of
-- that: Lua raises this error itself, where nil has no metamethod, so its text is compared as a whole.
function concatenation.with_null_field(message, prefix, thread)
  local field = noted_field
  if type(field) ~= "string" or message ~= format("%sattempt to index a nil value (field '%s')", prefix, field) then
    return message
  end
  local info = getinfo(thread, 0, "fl")
  if not info or info.func ~= noted_function or info.currentline ~= noted_line then return message end
  local _, place, columns = records.place_of(noted_record)
  local names = columns and columns.name
  local name = names and rawget(names, place) or rawget(noted_record, "name")
  local what = place and format("item %d", place) or "this record"
  if type(name) == "string" and #name <= MAX_NAME_BYTES then what = native.quoted(name) end
  local advice = format('It may be null: test it first, `x.%s and x.%s.name`', field, field)
  return format('%s: "%s" of %s is null. %s', message, field, what, advice)
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
  local field = string.match(name, "^ %(field '([%a_][%w_]*)'%)$")
  local advice = field and field ~= "length"
    and format(". It may be null: test it first, `x.%s and x.%s < y`", field, field) or ""
  if left == right then native.raise(format("attempt to compare two %s values%s%s", left, name, advice)) end
  if a == nil then left = left .. name elseif b == nil then right = right .. name end
  native.raise(format("attempt to compare %s with %s%s", left, right, advice))
end

debug.setmetatable(nil, {
  __metatable = false, __concat = records.joined, __lt = records.less, __le = records.less_or_equal,
})

return concatenation
