-- Read columns from the parent, and write columns for it: texts end with a null character, integers have eight bytes, so
-- that no value is parsed. Other values travel as JSON. The counterpart in Python is `values/records.py`.

local native = ...
local byte, find, pack, rep, unpack = string.byte, string.find, string.pack, string.rep, string.unpack
local concat, mathtype, move, type, utf8len = table.concat, math.type, table.move, type, utf8.len
local next, rawget, rawlen = next, rawget, rawlen
local getmetatable, values_of = debug.getmetatable, table.unpack

local STEP = 128 -- values that are read or written at a time
local CHECK_INTERVAL = 4096 -- rows between two checks of the clock
local MAX_ESCAPE_BYTES = 6 -- bytes of JSON that one byte of a text takes at most
local MAX_INTEGER_BYTES = 21 -- bytes of JSON that an integer and its comma take at most
local ONE = { texts = "z", integers = "i8" }
local MANY = { texts = rep("z", STEP), integers = rep("i8", STEP) }

local columns = {}

-- Return the values of a column of texts or integers.
function columns.read(form, text, count)
  local values, position = {}, 1
  for first = 1, count - STEP + 1, STEP do
    local part = { unpack(MANY[form], text, position) }
    position = part[STEP + 1]
    move(part, 1, STEP, first, values)
  end
  for place = count - count % STEP + 1, count do
    values[place], position = unpack(ONE[form], text, position)
  end
  return values
end

local function write_texts(values, count)
  for i = 1, count do
    if type(values[i]) ~= "string" then return nil end
  end
  local text = concat(values, "\0", 1, count) .. "\0"
  -- The null characters keep the end of one text and the beginning of the next from making a valid character.
  if find(concat(values, "", 1, count), "\0", 1, true) or not utf8len(text) then return nil end
  return "texts", text, #text * MAX_ESCAPE_BYTES
end

local function write_integers(values, count)
  local parts = {}
  for i = 1, count do
    if mathtype(values[i]) ~= "integer" then return nil end
  end
  for first = 1, count, STEP do
    local last = first + STEP - 1 < count and first + STEP - 1 or count
    local form = last - first + 1 == STEP and MANY.integers or rep(ONE.integers, last - first + 1)
    parts[#parts + 1] = pack(form, values_of(values, first, last))
  end
  return "integers", concat(parts), count * MAX_INTEGER_BYTES
end

-- Return the form of a column, its text, and how many bytes its JSON has at most; nil for other values than texts of
-- UTF-8 or integers.
function columns.write(values, count)
  if type(values[1]) == "string" then return write_texts(values, count) end
  return write_integers(values, count)
end

-- Return the names of the fields that a new table has, and an empty column for each; nil if it may not be a row.
local function fields_of(row)
  if type(row) ~= "table" or getmetatable(row) ~= nil then return nil end
  local names, by_name = {}, {}
  for name, value in next, row do
    if type(name) ~= "string" or byte(name) == 0 or not utf8len(name) then return nil end
    if type(value) ~= "string" and mathtype(value) ~= "integer" then return nil end
    names[#names + 1], by_name[name] = name, {}
  end
  if #names > 0 then return names, by_name end
end

-- Return the names of the fields, and the columns by name, of a list of tables that a script made, all with the same
-- fields; nil for any other list.
function columns.of_rows(list)
  local count = rawlen(list)
  local names, by_name = fields_of(rawget(list, 1))
  if not names then return nil end
  if next(list, count) ~= nil then return nil end
  for i = 1, count do
    local row = rawget(list, i)
    if type(row) ~= "table" or getmetatable(row) ~= nil then return nil end
    local fields = 0
    for name, value in next, row do
      local column = by_name[name]
      if not column then return nil end
      column[i], fields = value, fields + 1
    end
    if fields ~= #names then return nil end
    if i % CHECK_INTERVAL == 0 then native.look() end
  end
  return names, by_name
end

return columns
