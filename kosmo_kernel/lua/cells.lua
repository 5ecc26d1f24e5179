-- Compile a cell into a function, and keep its top-level locals for the next cell.
--
-- Nothing here parses Lua; the Lua compiler decides. A position splits a cell into statements and a last
-- expression if the part before it compiles alone and the part after it compiles after `return`. The debug
-- information of the compiled chunk tells which locals are alive at the end. A line added at the end of the
-- cell exports a closure over them, and the next cell is wrapped in a function whose upvalues of those names
-- are joined to those of the closure. So they are the same variables, still local, and shared with the
-- functions that captured them.

local native = ...
local find, format, gmatch, gsub, match, sub, unpack = string.find, string.format, string.gmatch, string.gsub, string.match, string.sub, string.unpack
local load, dump, concat = load, string.dump, table.concat
local getinfo, getlocal, getupvalue, setupvalue, join = debug.getinfo, debug.getlocal, debug.getupvalue, debug.setupvalue, debug.upvaluejoin

local MAX_COMPILED_BYTES = 4 << 20 -- bytes compiled to split one cell; a cell that needs more has no last expression
local MAX_REUSED_LOCALS = 180 -- locals of earlier cells that a cell can use; Lua allows 200 locals in all

local cells = {}

local CONSTANT = "const"
local kept_locals = {} -- name -> { closure, index of the upvalue, CONSTANT if it is a `<const>` }

-- Names of the locals that are alive at the end of a chunk -------------------------------------------------

-- Read a function in Lua 5.4's binary format (lundump.c) and return the position after it. If `code` is given, set
-- in it the positions of the instructions and of the line steps, the constants, lines, locals and upvalues.
local function read_function(binary, position, code)
  local function read_varint()
    local value = 0
    while true do
      local part = string.byte(binary, position)
      position = position + 1
      value = value << 7 | part & 0x7F
      if part & 0x80 ~= 0 then return value end
    end
  end
  local function read_text()
    local size = read_varint()
    if size == 0 then return nil end
    local value = sub(binary, position, position + size - 2)
    position = position + size - 1
    return value
  end
  read_text() -- source
  local line = read_varint()
  read_varint() -- the last line
  position = position + 3 -- parameters, vararg, stack
  local size = read_varint()
  if code then code.line, code.size, code.at = line, size, position end
  position = position + 4 * size
  for index = 0, read_varint() - 1 do -- constants
    local kind, value = string.byte(binary, position), nil
    position = position + 1
    if kind == 0x13 then value, position = unpack("<n", binary, position) -- float
    elseif kind == 0x03 then value, position = unpack("<j", binary, position) -- integer
    elseif kind == 0x04 or kind == 0x14 then value = read_text() end
    if code then code.constants[index] = value end
  end
  position = position + 3 * read_varint() -- upvalues
  for _ = 1, read_varint() do position = read_function(binary, position) end
  local line_step_count = read_varint()
  if code then code.steps = position end
  position = position + line_step_count
  for _ = 1, read_varint() do -- absolute lines
    local pc, line_number = read_varint(), read_varint()
    if code then code.lines[pc] = line_number end
  end
  for _ = 1, read_varint() do
    local name, start, stop = read_text(), read_varint(), read_varint()
    if code then code.locals[#code.locals + 1] = { name, start, stop } end
  end
  for index = 0, read_varint() - 1 do
    local name = read_text()
    if code then code.upvalues[index] = name end
  end
  return position
end

local HEADER_BYTES = #dump(load("")) > 0 and 4 + 1 + 1 + 6 + 3 + 8 + 8 + 1 -- bytes before the main function

-- Return a table that describes a dumped function, see `read_function`.
function cells.read(binary)
  local code = { constants = {}, lines = {}, locals = {}, upvalues = {} }
  read_function(binary, HEADER_BYTES + 1, code)
  return code
end

-- Return a list of the names, and a table from each name to true, or to CONSTANT for a `<const>`.
local function alive_at_end(text)
  local chunk = load(text, "=locals", "t")
  if not chunk then return {} end
  local names, constants, is_alive, distinct_names = {}, {}, {}, {}
  local code = cells.read(dump(chunk))
  for _, variable in ipairs(code.locals) do
    if variable[3] == code.size and find(variable[1], "^[%a_]") then names[#names + 1] = variable[1] end
  end
  -- A compile-time constant has no register, and so no debug information.
  local attempts_left = MAX_COMPILED_BYTES // (#text + 1)
  for name in gmatch(text, "%f[%w_]([%a_][%w_]*)%s*<%s*const%s*>") do
    attempts_left = attempts_left - 1
    if attempts_left < 0 then break end
    local _, error_message = load(text .. "\n" .. name .. " = 1", "=locals", "t")
    if error_message and find(error_message, "attempt to assign to const variable '" .. name .. "'", 1, true) then
      names[#names + 1], constants[name] = name, true
    end
  end
  is_alive._ENV = true -- a local `_ENV` does not carry over to the next cell
  for _, name in ipairs(names) do
    if not is_alive[name] then distinct_names[#distinct_names + 1] = name end
    is_alive[name] = constants[name] and CONSTANT or true
  end
  is_alive._ENV = nil
  return distinct_names, is_alive
end

-- Splitting a cell -----------------------------------------------------------------------------------------

local function compiles(text) return load(text, "=cell", "t") ~= nil end

-- Return an iterator of the positions where the last statement may start, last first: line starts, and after a `;`.
local function split_positions(text)
  local positions = { 1 }
  for position in gmatch(text, "[\n;]()") do
    if find(text, "^[^\n]*%S", position) then positions[#positions + 1] = position end
  end
  local index, bytes_left = #positions + 1, MAX_COMPILED_BYTES
  return function()
    index = index - 1
    bytes_left = bytes_left - #text
    if index >= 1 and bytes_left > 0 then return positions[index] end
  end
end

-- Return whether the text at a position could continue the expression before it, because Lua then reads it so.
local function continues(text, position) return find(text, "^%s*[%(%-%[{\"'%.:%+%*/%%%^<>=~&|,#]", position) ~= nil end

local function find_split(text, is_last)
  local best_position
  for position in split_positions(text) do
    local statements = sub(text, 1, position - 1)
    -- After a `;` in a comment any text compiles, so check that nonsense does not.
    if is_last(sub(text, position)) and compiles(statements)
      and (sub(statements, -1) == "\n" or not compiles(statements .. "= =")) then
      best_position = position
      if not continues(text, position) then return best_position end
    elseif best_position and not continues(text, position) then
      return best_position
    end
  end
  return best_position
end

local function is_expression(text) return find(text, "%S") ~= nil and compiles("return " .. text) end
local function is_call(text) return compiles(text) and is_expression(text) end

-- Return the position of the `return` that ends the cell, or nil.
local function return_position(text)
  local positions = {}
  for position in gmatch(text, "%f[%w_]()return%f[^%w_]") do positions[#positions + 1] = position end
  for i = #positions, 1, -1 do
    if positions[i] == 1 then return 1 end -- the whole text compiles, so nothing follows the `return`
    if compiles(sub(text, positions[i])) and compiles(sub(text, 1, positions[i] - 1)) then return positions[i] end
  end
end

local OTHER_WORDS = { elif = true, elsif = true, except = true, catch = true } -- that continue a block elsewhere
local AFTER_RETURN = "%s:%d: `return` must be the last statement of a block, and more follows it"

-- Return the error of a text that goes on after a `return` inside a block, or nil. Lua's own error expects an `end` at the
-- first word after the `return`.
local function error_in_block(text, name, error_message)
  local line, word = match(error_message, ":(%d+): 'end' expected .*near '([%a_][%w_]*)'$")
  if not line or OTHER_WORDS[word] then return nil end
  local first, bytes_left = 1, MAX_COMPILED_BYTES
  for _ = 2, tonumber(line) do first = find(text, "\n", first, true) + 1 end
  local last = find(text, "\n", first, true) or #text
  for place in gmatch(text, "%f[%w_]()return%f[^%w_]") do
    if place > last then return nil end
    local before = place
    while true do
      local from, to = find(text, "%f[%w_]" .. word .. "%f[^%w_]", before + 1)
      if not from or from > last or bytes_left < 0 then break end
      local statement = sub(text, place, from - 1)
      bytes_left, before = bytes_left - #statement, to
      if from >= first and compiles(statement) then
        return format(AFTER_RETURN .. ": an `end` may be missing before `%s`", name, line, word)
      end
    end
  end
end

-- Return the error of a text that goes on after a `return`, or nil. Lua's own error says that it expects the end.
local function error_after_return(text, name, error_message)
  for position in split_positions(text) do
    local before = sub(text, 1, position - 1)
    if find(before, "%S") and compiles(before) and not compiles(before .. "\nlocal _") then
      local _, breaks = gsub(before, "\n", "")
      return format(AFTER_RETURN, name, breaks + 1)
    end
  end
  return error_in_block(text, name, error_message)
end

-- Return the parts of a cell: its statements, and `return …` or an empty text. If the cell does not compile, return
-- nil, nil and the error; if it cannot be split, return its whole text as the fourth result.
local function split_cell(text, name)
  if find(text, "%S") and compiles("return " .. text) and not compiles(text .. "\nlocal _") then
    return "", "return " .. text
  end
  local chunk, error_message = load(text, "=" .. name, "t")
  if chunk then
    if not compiles(text .. "\nlocal _") then
      local position = return_position(text)
      if position then return sub(text, 1, position - 1), sub(text, position) end
      return nil, nil, nil, text -- runs without being split
    end
    if compiles("return " .. text) and find(text, "%S") and is_call(text) then return "", "return " .. text end
    local position = find_split(text, is_call)
    if position then return sub(text, 1, position - 1), "return " .. sub(text, position) end
    return text, ""
  end
  local position = find_split(text, is_expression)
  if position then return sub(text, 1, position - 1), "return " .. sub(text, position) end
  -- As in the `lua` shell, an unfinished expression gets the error of an unfinished expression.
  local _, expression_error = load("return " .. text, "=" .. name, "t")
  if expression_error and find(expression_error, "<eof>$") and not find(error_message, "<eof>$") then
    local near_token = match(error_message, "near (.+)$")
    if near_token and find(text, "^%s*" .. gsub(sub(near_token, 2, -2), "%W", "%%%0")) then
      error_message = expression_error
    end
  end
  return nil, nil, error_after_return(text, name, error_message) or error_message
end

-- Return whether a cell with these parts ends in a `;`, followed only by space or by a comment of one line. Only the
-- last MAX_TAIL_BYTES bytes are searched, so that a long cell is cheap.
local MAX_TAIL_BYTES = 1000
local function ends_in_semicolon(text, statements, last_part)
  local skipped = #text > MAX_TAIL_BYTES and #text - MAX_TAIL_BYTES or 0
  local tail = sub(text, skipped + 1)
  local position = find(tail, ";%s*$") or find(tail, ";%s*%-%-[^\n]*%s*$")
  if not position then return false end
  position = skipped + position
  -- The last part may have a `return` added in front.
  if position > #statements then position = position + #statements + #last_part - #text end
  return not compiles(sub(statements .. last_part, 1, position - 1) .. "= =") -- `= =` compiles only inside a comment
end

-- Public functions -------------------------------------------------------------------------------------------

-- Return "complete", "incomplete", or "invalid" and the error.
function cells.completeness(text)
  if not find(text, "%S") then return "complete" end
  local statements, _, error_message, unsplit_text = split_cell(text, "cell")
  if statements or unsplit_text then return "complete" end
  return find(error_message, "<eof>$") and "incomplete" or "invalid", error_message
end

local cell_count = 0

-- Compile a cell. Return the function, whether its value is hidden by a `;` (even a value that a `return` inside a
-- block gives), and the table that `cells.salvage` needs if the cell fails; or nil and Lua's error message. `set` has
-- the names of the globals set for this cell; kept locals of the same names are not used.
function cells.compile(text, name, environment, set)
  local statements, last_part, error_message, unsplit_text = split_cell(text, name)
  if not statements and not unsplit_text then return nil, error_message end
  local hidden = last_part ~= nil and find(last_part, ";", 1, true) ~= nil and not compiles(last_part .. "\n;")
  hidden = hidden or last_part ~= nil and ends_in_semicolon(text, statements, last_part)
  local alive_names, is_alive = {}, {}
  if statements and statements ~= "" then alive_names, is_alive = alive_at_end(statements) end

  local reused_locals = {}
  for local_name, cell in next, kept_locals do
    if #reused_locals < MAX_REUSED_LOCALS and not set[local_name]
      and find(text, "%f[%w_]" .. local_name .. "%f[^%w_]") then
      reused_locals[#reused_locals + 1] = cell[3] == CONSTANT and local_name .. " <const>" or local_name
    end
  end
  cell_count = cell_count + 1
  local keep_name = format("__keep_%d_%s", cell_count, native.secret())
  local prefix = format("local %s return function(...) ", concat({ keep_name, table.unpack(reused_locals) }, ", "))
  local export = #alive_names > 0 and format(" %s(function() return %s end) ", keep_name, concat(alive_names, ", ")) or " "
  -- A to-be-closed variable prevents Lua from making the last call a tail call, which would hide its line.
  local guard = last_part ~= "" and format(" local %s_ <close> = nil ", keep_name) or ""
  local chunk, load_error
  for _, source in ipairs(statements and {
    last_part == "" and statements .. "\n" .. export or statements .. guard .. export .. last_part,
    last_part == "" and statements or statements .. export .. last_part,
    statements .. last_part,
  } or { unsplit_text }) do
    chunk, load_error = load(prefix .. source .. "\nend", "=" .. name, "t", environment)
    if chunk then break end
  end
  if not chunk then
    if not compiles(text) then return nil, error_after_return(text, name, error_message) or error_message or load_error end
    -- The text compiles alone, so the error comes from locals of earlier cells: constants, or too many names.
    return nil, find(load_error, "const variable", 1, true) and load_error or "the cell has too many local variables"
  end
  local run = chunk()
  for index = 1, 255 do
    local upvalue = getupvalue(run, index)
    if not upvalue then break end
    if upvalue == keep_name then
      setupvalue(run, index, function(closure)
        local captured = {}
        for i = 1, 255 do
          local local_name = getupvalue(closure, i)
          if not local_name then break end
          kept_locals[local_name] = { closure, i, is_alive[local_name] }
          captured[local_name] = true
        end
        local values = table.pack(closure())
        for i, local_name in ipairs(alive_names) do
          if not captured[local_name] then
            local value = values[i]
            kept_locals[local_name] = { function() return value end, 1, is_alive[local_name] }
          end
        end
      end)
    elseif kept_locals[upvalue] and upvalue ~= "_ENV" then
      join(run, index, kept_locals[upvalue][1], kept_locals[upvalue][2])
    end
  end
  return run, hidden, is_alive
end

-- Keep the top-level locals of a cell that failed in coroutine `thread`.
function cells.salvage(thread, run, is_alive)
  -- The cell is one of the outermost frames. Find them by bisection, since the stack may have hundreds of thousands.
  local existing_level, missing_level = 0, 1
  while getinfo(thread, missing_level, "l") do existing_level, missing_level = missing_level, missing_level * 2 end
  while missing_level - existing_level > 1 do
    local middle_level = (existing_level + missing_level) // 2
    if getinfo(thread, middle_level, "l") then existing_level = middle_level else missing_level = middle_level end
  end
  local level = existing_level
  while level >= 0 and level > existing_level - 4 and (getinfo(thread, level, "f") or {}).func ~= run do
    level = level - 1
  end
  if level < 0 or (getinfo(thread, level, "f") or {}).func ~= run then return end
  for index = 1, 250 do
    local name, value = getlocal(thread, level, index)
    if not name then return end
    if is_alive[name] then kept_locals[name] = { function() return value end, 1, is_alive[name] } end
  end
end

-- Return the value of a kept local, and whether there is one of that name.
function cells.get(name)
  local cell = kept_locals[name]
  if not cell then return nil, false end
  local _, value = getupvalue(cell[1], cell[2])
  return value, true
end

function cells.drop(name) kept_locals[name] = nil end

function cells.clear() kept_locals = {} end

-- Return a function that restores the kept locals and their current values.
function cells.remember()
  local saved_locals, saved_values = {}, {}
  for name, cell in next, kept_locals do saved_locals[name], saved_values[name] = cell, (cells.get(name)) end
  return function()
    kept_locals = saved_locals
    for name, cell in next, saved_locals do setupvalue(cell[1], cell[2], saved_values[name]) end
  end
end

function cells.names()
  local types = {}
  for name in next, kept_locals do
    local value = cells.get(name)
    types[name] = type(value)
  end
  return types
end

return cells
