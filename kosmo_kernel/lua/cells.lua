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

local COMPILED = 4 << 20 -- bytes compiled to split one cell; a cell that needs more has no last expression
local MOST_LOCALS = 180 -- locals of earlier cells that a cell can use; Lua allows 200 locals in all

local cells = {}

local CONSTANT = "const"
local held = {} -- name -> { closure, index of the upvalue, CONSTANT if it is a `<const>` }

-- Names of the locals that are alive at the end of a chunk -------------------------------------------------

-- Read a function in Lua 5.4's binary format (lundump.c) and return the position after it. If `code` is given, set
-- in it the positions of the instructions and of the line steps, the constants, lines, locals and upvalues.
local function read_function(binary, at, code)
  local function varint()
    local value = 0
    while true do
      local part = string.byte(binary, at)
      at = at + 1
      value = value << 7 | part & 0x7F
      if part & 0x80 ~= 0 then return value end
    end
  end
  local function text()
    local size = varint()
    if size == 0 then return nil end
    local value = sub(binary, at, at + size - 2)
    at = at + size - 1
    return value
  end
  text() -- source
  local line = varint()
  varint() -- the last line
  at = at + 3 -- parameters, vararg, stack
  local size = varint()
  if code then code.line, code.size, code.at = line, size, at end
  at = at + 4 * size
  for index = 0, varint() - 1 do -- constants
    local kind, value = string.byte(binary, at), nil
    at = at + 1
    if kind == 0x13 then value, at = unpack("<n", binary, at) -- float
    elseif kind == 0x03 then value, at = unpack("<j", binary, at) -- integer
    elseif kind == 0x04 or kind == 0x14 then value = text() end
    if code then code.constants[index] = value end
  end
  at = at + 3 * varint() -- upvalues
  for _ = 1, varint() do at = read_function(binary, at) end
  local steps = varint()
  if code then code.steps = at end
  at = at + steps
  for _ = 1, varint() do -- absolute lines
    local place, number = varint(), varint()
    if code then code.lines[place] = number end
  end
  for _ = 1, varint() do
    local name, start, stop = text(), varint(), varint()
    if code then code.locals[#code.locals + 1] = { name, start, stop } end
  end
  for index = 0, varint() - 1 do
    local name = text()
    if code then code.upvalues[index] = name end
  end
  return at
end

local HEADER = #dump(load("")) > 0 and 4 + 1 + 1 + 6 + 3 + 8 + 8 + 1 -- bytes before the main function

-- Return a table that describes a dumped function, see `read_function`.
function cells.read(binary)
  local code = { constants = {}, lines = {}, locals = {}, upvalues = {} }
  read_function(binary, HEADER + 1, code)
  return code
end

-- Return a list of the names, and a table from each name to true, or to CONSTANT for a `<const>`.
local function alive_at_end(text)
  local chunk = load(text, "=locals", "t")
  if not chunk then return {} end
  local names, constants, seen, distinct = {}, {}, {}, {}
  local code = cells.read(dump(chunk))
  for _, variable in ipairs(code.locals) do
    if variable[3] == code.size and find(variable[1], "^[%a_]") then names[#names + 1] = variable[1] end
  end
  -- A compile-time constant has no register, and so no debug information.
  local tries = COMPILED // (#text + 1)
  for name in gmatch(text, "%f[%w_]([%a_][%w_]*)%s*<%s*const%s*>") do
    tries = tries - 1
    if tries < 0 then break end
    local _, fault = load(text .. "\n" .. name .. " = 1", "=locals", "t")
    if fault and find(fault, "attempt to assign to const variable '" .. name .. "'", 1, true) then
      names[#names + 1], constants[name] = name, true
    end
  end
  seen._ENV = true -- a local `_ENV` does not carry over to the next cell
  for _, name in ipairs(names) do
    if not seen[name] then distinct[#distinct + 1] = name end
    seen[name] = constants[name] and CONSTANT or true
  end
  seen._ENV = nil
  return distinct, seen
end

-- Splitting a cell -----------------------------------------------------------------------------------------

local function compiles(text) return load(text, "=cell", "t") ~= nil end

-- Return an iterator of the positions where the last statement may start, last first: line starts, and after a `;`.
local function places(text)
  local found = { 1 }
  for place in gmatch(text, "[\n;]()") do
    if find(text, "^[^\n]*%S", place) then found[#found + 1] = place end
  end
  local index, left = #found + 1, COMPILED
  return function()
    index = index - 1
    left = left - #text
    if index >= 1 and left > 0 then return found[index] end
  end
end

-- Return whether the text at a position could continue the expression before it, because Lua then reads it so.
local function continues(text, place) return find(text, "^%s*[%(%-%[{\"'%.:%+%*/%%%^<>=~&|,#]", place) ~= nil end

local function split(text, is_last)
  local best
  for place in places(text) do
    local front = sub(text, 1, place - 1)
    -- After a `;` in a comment any text compiles, so check that nonsense does not.
    if is_last(sub(text, place)) and compiles(front) and (sub(front, -1) == "\n" or not compiles(front .. "= =")) then
      best = place
      if not continues(text, place) then return best end
    elseif best and not continues(text, place) then
      return best
    end
  end
  return best
end

local function is_expression(text) return find(text, "%S") ~= nil and compiles("return " .. text) end
local function is_call(text) return compiles(text) and is_expression(text) end

-- Return the position of the `return` that ends the cell, or nil.
local function return_place(text)
  local found = {}
  for place in gmatch(text, "%f[%w_]()return%f[^%w_]") do found[#found + 1] = place end
  for i = #found, 1, -1 do
    if found[i] == 1 then return 1 end -- the whole text compiles, so nothing follows the `return`
    if compiles(sub(text, found[i])) and compiles(sub(text, 1, found[i] - 1)) then return found[i] end
  end
end

-- Return the parts of a cell: its statements, and `return …` or an empty text. If the cell does not compile, return
-- nil, nil and the error; if it cannot be split, return its whole text as the fourth result.
local function parts(text, name)
  if find(text, "%S") and compiles("return " .. text) and not compiles(text .. "\nlocal _") then
    return "", "return " .. text
  end
  local chunk, fault = load(text, "=" .. name, "t")
  if chunk then
    if not compiles(text .. "\nlocal _") then
      local place = return_place(text)
      if place then return sub(text, 1, place - 1), sub(text, place) end
      return nil, nil, nil, text -- runs without being split
    end
    if compiles("return " .. text) and find(text, "%S") and is_call(text) then return "", "return " .. text end
    local place = split(text, is_call)
    if place then return sub(text, 1, place - 1), "return " .. sub(text, place) end
    return text, ""
  end
  local place = split(text, is_expression)
  if place then return sub(text, 1, place - 1), "return " .. sub(text, place) end
  -- As in the `lua` shell, an unfinished expression gets the error of an unfinished expression.
  local _, as_expression = load("return " .. text, "=" .. name, "t")
  if as_expression and find(as_expression, "<eof>$") and not find(fault, "<eof>$") then
    local start = match(fault, "near (.+)$")
    if start and find(text, "^%s*" .. gsub(sub(start, 2, -2), "%W", "%%%0")) then fault = as_expression end
  end
  return nil, nil, fault
end

-- Return whether a cell with these parts ends in a `;`, followed only by space or by a comment of one line. Only the
-- last TAIL bytes are searched, so that a long cell is cheap.
local TAIL = 1000
local function ends_in_semicolon(text, before, last)
  local skipped = #text > TAIL and #text - TAIL or 0
  local tail = sub(text, skipped + 1)
  local at = find(tail, ";%s*$") or find(tail, ";%s*%-%-[^\n]*%s*$")
  if not at then return false end
  at = skipped + at
  if at > #before then at = at + #before + #last - #text end -- the last part may have a `return` added in front
  return not compiles(sub(before .. last, 1, at - 1) .. "= =") -- `= =` compiles only inside a comment
end

-- Public functions -------------------------------------------------------------------------------------------

-- Return "complete", "incomplete", or "invalid" and the error.
function cells.completeness(text)
  if not find(text, "%S") then return "complete" end
  local before, _, fault, whole = parts(text, "cell")
  if before or whole then return "complete" end
  return find(fault, "<eof>$") and "incomplete" or "invalid", fault
end

local serial = 0

-- Compile a cell. Return the function, whether its value is hidden by a `;` (even a value that a `return` inside a
-- block gives), and the table that `cells.salvage` needs if the cell fails; or nil and Lua's error message. `set` has
-- the names of the globals set for this cell; kept locals of the same names are not used.
function cells.compile(text, name, environment, set)
  local before, last, fault, whole = parts(text, name)
  if not before and not whole then return nil, fault end
  local hidden = last ~= nil and find(last, ";", 1, true) ~= nil and not compiles(last .. "\n;")
  hidden = hidden or last ~= nil and ends_in_semicolon(text, before, last)
  local alive, is_alive = {}, {}
  if before and before ~= "" then alive, is_alive = alive_at_end(before) end

  local given = {}
  for known, cell in next, held do
    if #given < MOST_LOCALS and not set[known] and find(text, "%f[%w_]" .. known .. "%f[^%w_]") then
      given[#given + 1] = cell[3] == CONSTANT and known .. " <const>" or known
    end
  end
  serial = serial + 1
  local keep = format("__keep_%d_%s", serial, native.secret())
  local front = format("local %s return function(...) ", concat({ keep, table.unpack(given) }, ", "))
  local export = #alive > 0 and format(" %s(function() return %s end) ", keep, concat(alive, ", ")) or " "
  -- A to-be-closed variable prevents Lua from making the last call a tail call, which would hide its line.
  local guard = last ~= "" and format(" local %s_ <close> = nil ", keep) or ""
  local body, wrong
  for _, inner in ipairs(before and {
    last == "" and before .. "\n" .. export or before .. guard .. export .. last,
    last == "" and before or before .. export .. last,
    before .. last,
  } or { whole }) do
    body, wrong = load(front .. inner .. "\nend", "=" .. name, "t", environment)
    if body then break end
  end
  if not body then
    -- The text compiles alone, so the error comes from locals of earlier cells: constants, or too many names.
    return nil, fault or find(wrong, "const variable", 1, true) and wrong or "the cell has too many local variables"
  end
  local run = body()
  for index = 1, 255 do
    local upvalue = getupvalue(run, index)
    if not upvalue then break end
    if upvalue == keep then
      setupvalue(run, index, function(closure)
        local constant = {}
        for i = 1, 255 do
          local known = getupvalue(closure, i)
          if not known then break end
          held[known] = { closure, i, is_alive[known] }
          constant[known] = true
        end
        local values = table.pack(closure())
        for i, known in ipairs(alive) do
          if not constant[known] then
            local value = values[i]
            held[known] = { function() return value end, 1, is_alive[known] }
          end
        end
      end)
    elseif held[upvalue] and upvalue ~= "_ENV" then
      join(run, index, held[upvalue][1], held[upvalue][2])
    end
  end
  return run, hidden, is_alive
end

-- Keep the top-level locals of a cell that failed in coroutine `thread`.
function cells.salvage(thread, run, is_alive)
  -- The cell is one of the outermost frames. Find them by bisection, since the stack may have hundreds of thousands.
  local known, beyond = 0, 1
  while getinfo(thread, beyond, "l") do known, beyond = beyond, beyond * 2 end
  while beyond - known > 1 do
    local middle = (known + beyond) // 2
    if getinfo(thread, middle, "l") then known = middle else beyond = middle end
  end
  local level = known
  while level >= 0 and level > known - 4 and (getinfo(thread, level, "f") or {}).func ~= run do level = level - 1 end
  if level < 0 or (getinfo(thread, level, "f") or {}).func ~= run then return end
  for index = 1, 250 do
    local name, value = getlocal(thread, level, index)
    if not name then return end
    if is_alive[name] then held[name] = { function() return value end, 1, is_alive[name] } end
  end
end

-- Return the value of a kept local, and whether there is one of that name.
function cells.get(name)
  local cell = held[name]
  if not cell then return nil, false end
  local _, value = getupvalue(cell[1], cell[2])
  return value, true
end

function cells.drop(name) held[name] = nil end

-- Return a function that restores the kept locals and their current values.
function cells.remember()
  local before, values = {}, {}
  for name, cell in next, held do before[name], values[name] = cell, (cells.get(name)) end
  return function()
    held = before
    for name, cell in next, before do setupvalue(cell[1], cell[2], values[name]) end
  end
end

function cells.names()
  local found = {}
  for name in next, held do
    local value = cells.get(name)
    found[name] = type(value)
  end
  return found
end

return cells
