-- Find the name of an operand that cannot be concatenated, as in Lua's own error message: ` (field 'x')`; and of nil that
-- cannot be compared, which Lua itself does not name.
--
-- Lua derives it from the instruction that failed and the one that loaded the operand (`varinfo` in ldebug.c), but only
-- if nil has no `__concat`, and here nil has one. So this module reads the same instructions from the dumped function.
-- The handler is called right above the two operands, so the number of registers in use identifies them.

local native, cells = ...
local dump, find, format, byte, unpack = string.dump, string.find, string.format, string.byte, string.unpack
local getinfo, getlocal, getupvalue, getmetatable = debug.getinfo, debug.getlocal, debug.getupvalue, debug.getmetatable
local rawequal, rawget, type = rawequal, rawget, type

-- Opcodes of Lua 5.4 (lopcodes.h), and those that do not change register A.
local MOVE, LOADK, LOADKX, LOADNIL, GETUPVAL, GETTABUP, GETTABLE, GETI, GETFIELD = 0, 3, 4, 8, 9, 11, 12, 13, 14
local LT, LE, FIRST_WITH_NUMBER, LAST_WITH_NUMBER = 58, 59, 62, 65 -- comparisons; those with a number: `a < 5`
local SELF, CONCAT, JMP, CALL, TAILCALL, TFORCALL, EXTRAARG = 20, 53, 56, 68, 69, 76, 82
local KEEPS = { [10] = true, [67] = false, [75] = true, [78] = true, [EXTRAARG] = true }
for _, range in next, { { 15, 18 }, { 46, 48 }, { 54, 66 }, { 70, 72 } } do
  for code = range[1], range[2] do KEEPS[code] = true end
end

-- Return a function that decodes the instruction at a position, counted from 0.
local function instruction_decoder(code, binary)
  return function(pc)
    local word = unpack("<I4", binary, code.at + 4 * pc)
    return word & 0x7F, word >> 7 & 0xFF, word >> 16 & 0xFF, word >> 24, word
  end
end

-- Call a function with the position and the parts of each instruction on a line.
local function each_on_line(code, binary, instruction, target_line, f)
  local line = code.line
  for pc = 0, code.size - 1 do
    local line_step = unpack("<i1", binary, code.steps + pc)
    line = line_step == -128 and code.lines[pc] or line + line_step
    if line == target_line then f(pc, instruction(pc)) end
  end
end

-- Return the concatenations on a line: the position of each, its first register and the one after its last.
local function concatenations_on_line(code, binary, instruction, target_line)
  local concatenations = {}
  each_on_line(code, binary, instruction, target_line, function(pc, op, a, b)
    if op == CONCAT then concatenations[#concatenations + 1] = { pc, a, a + b } end
  end)
  return concatenations
end

-- Return the name of the local variable in a register at a position, or nil.
local function local_name(code, pc, register)
  for _, variable in ipairs(code.locals) do
    if variable[2] > pc then return nil end
    if pc < variable[3] then
      if register == 0 then return variable[1] end
      register = register - 1
    end
  end
end

-- Return the position of the instruction that loaded a register, or nil if it is ambiguous (`findsetreg`).
local function find_loading_pc(instruction, end_pc, register)
  local loading_pc, jump_target = nil, 0
  for pc = 0, end_pc - 1 do
    local op, a, b, _, word = instruction(pc)
    local changes
    if op == LOADNIL then changes = a <= register and register <= a + b
    elseif op == TFORCALL then changes = register >= a + 2
    elseif op == CALL or op == TAILCALL then changes = register >= a
    elseif op == JMP then
      local destination = pc + 1 + (word >> 7) - 0xFFFFFF
      if destination <= end_pc and destination > jump_target then jump_target = destination end
    else changes = not KEEPS[op] and register == a end
    if changes then loading_pc = pc >= jump_target and pc or nil end
  end
  return loading_pc
end

-- Return the kind ("local", "field" …) and the name of the value in a register, or nothing (`getobjname`).
local function value_name(code, instruction, pc, register)
  local name = local_name(code, pc, register)
  if name then return "local", name end
  local load_pc = find_loading_pc(instruction, pc, register)
  if not load_pc then return end
  local op, a, b, c, word = instruction(load_pc)
  local function constant(index)
    local value = code.constants[index]
    return type(value) == "string" and value or "?"
  end
  if op == MOVE then
    if b < a then return value_name(code, instruction, load_pc, b) end
  elseif op == GETTABUP then
    return code.upvalues[b] == "_ENV" and "global" or "field", constant(c)
  elseif op == GETFIELD then
    return local_name(code, load_pc, b) == "_ENV" and "global" or "field", constant(c)
  elseif op == GETTABLE then
    local kind, key = value_name(code, instruction, load_pc, c)
    return local_name(code, load_pc, b) == "_ENV" and "global" or "field", kind == "constant" and key or "?"
  elseif op == GETI then
    return "field", "integer index"
  elseif op == GETUPVAL then
    return "upvalue", code.upvalues[b]
  elseif op == LOADK or op == LOADKX then
    local _, _, _, _, extra = instruction(load_pc + 1)
    local value = code.constants[op == LOADK and word >> 15 or extra >> 7]
    if type(value) == "string" then return "constant", value end
  elseif op == SELF then
    return "method", word & 0x8000 ~= 0 and constant(c) or "?"
  end
end

-- Return a score of how well a concatenation matches the values in the registers, to choose among several on one line.
local function match_score(code, instruction, join, level, func, last)
  local score = 0
  for register = join[2], last do
    local load_pc = find_loading_pc(instruction, join[1], register)
    local op, a, b, c, word = 0, 0, 0, 0, 0
    if load_pc then op, a, b, c, word = instruction(load_pc) end
    local _, current_value = getlocal(level + 1, register + 1)
    local is_known, value = false, nil
    local function read_field(table, key)
      if type(table) ~= "table" then return end
      value = rawget(table, key)
      is_known = value ~= nil or getmetatable(table) == nil
    end
    if not load_pc then is_known = false
    elseif op == MOVE then is_known, value = true, select(2, getlocal(level + 1, b + 1))
    elseif op == GETUPVAL then is_known, value = true, select(2, getupvalue(func, b + 1))
    elseif op == LOADNIL then is_known = true
    elseif op == LOADK then is_known, value = true, code.constants[word >> 15]
    elseif op == GETTABUP then read_field(select(2, getupvalue(func, b + 1)), code.constants[c])
    elseif op == GETFIELD and b ~= a then read_field(select(2, getlocal(level + 1, b + 1)), code.constants[c])
    elseif op == GETI and b ~= a then read_field(select(2, getlocal(level + 1, b + 1)), c) end
    if is_known then score = score + (rawequal(value, current_value) and 1 or -1) end
  end
  return score
end

local naming = {}

-- Cached results by function where only one instruction matches, because errors occur in loops, and long functions take
-- long to read.
local cached_names = setmetatable({}, { __mode = "k" })

local function keep_name(func, key, name)
  cached_names[func] = cached_names[func] or {}
  cached_names[func][key] = name
end

-- Return the script's function at a stack level, or nil if there is none.
local function script_function(level)
  local info = getinfo(level, "flS")
  if info and info.what ~= "C" and info.currentline >= 1 and not find(info.source, "^@kosmo/") then return info end
end

-- Return the name of a nil that is compared at a stack level, or an empty text. The operands are in the order of `<`.
function naming.of_compared(level, left_operand, right_operand)
  local info = script_function(level + 1)
  if not info then return "" end
  local key = format("%d < %s", info.currentline, left_operand == nil)
  local cached = cached_names[info.func] and cached_names[info.func][key]
  if cached then return cached end
  local binary = dump(info.func)
  local code = cells.read(binary)
  local instruction = instruction_decoder(code, binary)
  local comparison_count = 0
  local registers = {} -- position and register of each nil that may be meant
  local function value_in(register) return select(2, getlocal(level + 3, register + 1)) end
  each_on_line(code, binary, instruction, info.currentline, function(pc, op, a, b)
    if op == LT or op == LE or op >= FIRST_WITH_NUMBER and op <= LAST_WITH_NUMBER then
      comparison_count = comparison_count + 1
    end
    if op == LT or op == LE then
      if rawequal(value_in(a), left_operand) and rawequal(value_in(b), right_operand) then
        registers[#registers + 1] = { pc, left_operand == nil and a or b }
      end
    elseif op >= FIRST_WITH_NUMBER and op <= LAST_WITH_NUMBER and value_in(a) == nil then
      registers[#registers + 1] = { pc, a }
    end
  end)
  local description
  for _, place in ipairs(registers) do
    local kind, name = value_name(code, instruction, place[1], place[2])
    local text = kind and kind ~= "constant" and format(" (%s '%s')", kind, name) or ""
    if description and description ~= text then return "" end -- which of them it is, is not known
    description = text
  end
  if comparison_count == 1 then keep_name(info.func, key, description or "") end
  return description or ""
end

-- Return the name of the left or right operand of the concatenation at a stack level, or an empty text.
function naming.of_concatenated(level, left)
  local info = script_function(level + 1)
  if not info then return "" end
  local top = 0
  while getlocal(level, top + 1) do top = top + 1 end
  local key = format("%d %d %s", info.currentline, top, left)
  local cached = cached_names[info.func] and cached_names[info.func][key]
  if cached then return cached end
  local binary = dump(info.func)
  local code = cells.read(binary)
  local instruction = instruction_decoder(code, binary)
  local best_join, best_score, match_count = nil, nil, 0
  for _, join in ipairs(concatenations_on_line(code, binary, instruction, info.currentline)) do
    if join[2] <= top - 2 and top <= join[3] then
      local last = top == join[3] and top - 1 or top - 2 -- the right operand may be an intermediate result
      local score = match_score(code, instruction, join, level, info.func, last)
      match_count = match_count + 1
      if not best_score or score > best_score then best_join, best_score = join, score end
    end
  end
  if not best_join then return "" end
  local kind, name = value_name(code, instruction, best_join[1], left and top - 2 or top - 1)
  local description = kind and kind ~= "constant" and format(" (%s '%s')", kind, name) or ""
  if match_count == 1 then keep_name(info.func, key, description) end
  return description
end

return naming
