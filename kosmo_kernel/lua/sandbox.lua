-- Create the environment of scripts: an allowlist of functions, rather than the globals with some of them removed.
--
-- Libraries are new tables of the functions listed here; the prelude empties the real globals. Functions that read
-- tables raw first fill lazy lists and rows.

local native, json, records, limits, text = ...
local getmetatable, setmetatable, rawsetmetatable = debug.getmetatable, setmetatable, debug.setmetatable
local next, rawget, rawset, rawlen, rawequal, select, type, tonumber, load = next, rawget, rawset, rawlen, rawequal, select, type, tonumber, load
local format, byte, find, sub = string.format, string.byte, string.find, string.sub
local concat, insert, pack = table.concat, table.insert, table.pack
local raise, touch = native.raise, records.touch

local MAX_MOVED_ELEMENTS = 1e8 -- elements of one table.move, in which absent elements take as long as others

local sandbox = {}

local function copy_functions(library, names)
  local result = {}
  for name in string.gmatch(names, "%S+") do result[name] = library[name] end
  return result
end

local function raise_bad_argument(position, name, expected, value)
  raise(format("bad argument #%d to '%s' (%s expected, got %s)", position, name, expected, value == nil and "no value" or type(value)))
end

-- Return the results of a standard function called by `pcall`. Raise its own errors with the script's line, which it
-- cannot know when called from here. Other errors come from the script's code and are raised unchanged.
local ARGUMENT_ERRORS = { "^bad argument", "^invalid ", "^resulting string", "^too many", "^unable to", "^wrong number" }
local function results_or_raise(name, ok, result, ...)
  if ok then return result, ... end
  for _, pattern in ipairs(ARGUMENT_ERRORS) do
    if type(result) == "string" and find(result, pattern) then
      raise((string.gsub(result, "'%?'", "'" .. name .. "'")))
    end
  end
  error(result, 0)
end

-- Basic functions ---------------------------------------------------------------------------------------

local function add_basic_functions(environment)
  local E = environment
  E._G, E._VERSION = E, _VERSION
  for name, value in next, copy_functions(_ENV, "assert error rawequal select tonumber type") do E[name] = value end
  E.pcall, E.xpcall = limits.pcall, limits.xpcall
  E.tostring, E.print = text.tostring, native.print
  function E.dump(value, ...)
    native.out("stdout", text.render(value) .. "\n")
    return value, ...
  end
  function E.next(value, key)
    if type(value) ~= "table" then raise_bad_argument(1, "next", "table", value) end
    touch(value)
    return next(value, key)
  end
  function E.pairs(value)
    local metatable = getmetatable(value)
    local own = metatable and rawget(metatable, "__pairs")
    if own then
      local step, state, start = own(value)
      return step, state, start
    end
    if type(value) ~= "table" then raise_bad_argument(1, "pairs", "table", value) end
    return E.next, value, nil
  end
  function E.ipairs(value)
    local metatable = native.ours(value)
    if value == nil then raise("ipairs goes through a list, and got nil") end
    if metatable and metatable.type and metatable.type.known and rawget(value, 1) == nil then
      if metatable.kind == "record" or metatable.kind == "row" then
        raise("ipairs goes through a list, and this is one record: read its fields, or write ipairs({ record })")
      end
    end
    if metatable and metatable.is_by_key and rawget(value, 1) == nil and next(value) ~= nil then
      raise("ipairs goes through a list, and this table has names: for name, value in pairs(…) do … end")
    end
    return ipairs(value)
  end
  -- Check arguments here, so that errors have the script's line; the standard functions would name a trusted line.
  function E.rawget(value, key)
    if type(value) ~= "table" then raise_bad_argument(1, "rawget", "table", value) end
    touch(value)
    return rawget(value, key)
  end
  function E.rawlen(value)
    if type(value) ~= "table" and type(value) ~= "string" then raise("table or string expected") end
    touch(value)
    return rawlen(value)
  end
  function E.rawset(value, key, field)
    if type(value) ~= "table" then raise_bad_argument(1, "rawset", "table", value) end
    if native.is_namespace(value) or rawequal(value, json.null) then raise("this table cannot be changed") end
    if key == nil then raise("table index is nil") end
    if type(key) == "number" and key ~= key then raise("table index is NaN") end
    touch(value)
    records.note_field(value, key)
    return rawset(value, key, field)
  end
  function E.getmetatable(value)
    local metatable = getmetatable(value)
    local trusted = native.ours(value)
    if metatable == nil or trusted and trusted.kind == "globals" then return nil end
    local shown = rawget(metatable, "__metatable")
    if shown ~= nil then return shown end
    return type(value) == "table" and metatable or false
  end
  function E.setmetatable(value, metatable)
    if type(value) ~= "table" then raise_bad_argument(1, "setmetatable", "table", value) end
    if metatable ~= nil and type(metatable) ~= "table" then
      raise_bad_argument(2, "setmetatable", "nil or table", metatable)
    end
    if metatable and rawget(metatable, "__gc") ~= nil then raise("finalizers (__gc) are not available") end
    if native.ours(value) and not native.is_namespace(value) and not rawequal(value, json.null) then
      touch(value) -- a record becomes a plain table that belongs to the script
      return rawsetmetatable(value, metatable)
    end
    local current = getmetatable(value)
    if current and rawget(current, "__metatable") ~= nil then raise("cannot change a protected metatable") end
    return setmetatable(value, metatable)
  end
  function E.load(chunk, name, _, ...)
    if type(chunk) == "function" then
      local pieces = {}
      for piece in chunk do
        if piece == "" then break end
        if type(piece) ~= "string" then raise("reader function must return a string") end
        pieces[#pieces + 1] = piece
      end
      chunk = concat(pieces)
    end
    if type(chunk) ~= "string" then raise_bad_argument(1, "load", "string", chunk) end
    if byte(chunk) == 27 then return nil, "attempt to load a binary chunk (only text is accepted)" end
    local scope = E
    if select("#", ...) > 0 then scope = (...) end
    native.note_chunk(chunk)
    if name == nil then return load(chunk, chunk, "t", scope) end
    if type(name) ~= "string" then raise_bad_argument(2, "load", "string", name) end
    -- Make the name safe: it can neither imitate a trusted file nor break an error message.
    return load(chunk, "=" .. native.clipped((string.gsub(name, "^[@=]", "")), 60), "t", scope)
  end
  function E.collectgarbage(option)
    option = option or "collect"
    if option == "count" then return collectgarbage("count") end
    if option == "collect" then return collectgarbage("collect") end
    raise(format("bad argument #1 to 'collectgarbage' (only 'count' and 'collect' are available, got '%s')", text.tostring(option)))
  end
end

-- Libraries ---------------------------------------------------------------------------------------------

local function table_library()
  -- The standard functions take the length of a list first, which fills it.
  local library = copy_functions(table, "insert move pack remove sort unpack")
  function library.move(from, first, last, to, ...)
    if tonumber(first) and tonumber(last) and last - first >= MAX_MOVED_ELEMENTS then
      raise("too many elements to move")
    end
    return results_or_raise("move", pcall(table.move, from, first, last, to, ...))
  end
  -- References are concatenated as their names.
  function library.concat(list, separator, first, last)
    if type(list) ~= "table" then raise_bad_argument(1, "concat", "table", list) end
    touch(list)
    first, last = first or 1, last or #list
    local texts
    for i = first, last do
      local value = list[i]
      if type(value) == "table" then
        local item_text = records.text_of(value)
        if item_text == nil then raise(format("invalid value (at index %d) in table for 'concat'", i)) end
        texts = texts or table.move(list, first, last, first, {})
        texts[i] = item_text
      end
    end
    return results_or_raise("concat", pcall(concat, texts or list, separator, first, last))
  end
  return library
end

-- `io.read`: the parent sends whole lines, and the rest of a line is kept for the next read.
local function input_reader()
  local match = string.match
  local rest = ""
  function native.forget_input() rest = "" end
  local function read_line()
    local line = native.input("L")
    if line then rest = rest .. line end
    return line ~= nil
  end
  local function take(count)
    local piece = sub(rest, 1, count)
    rest = sub(rest, count + 1)
    return piece
  end
  -- As in Lua's own `read_number`, consume the longest prefix that looks like a numeral, whether or not it is valid.
  local function numeral()
    repeat rest = match(rest, "^%s*(.*)$") until rest ~= "" or not read_line()
    local position = match(rest, "^[+-]?()")
    local hex = match(rest, "^0[xX]()", position)
    local digit, exponent = "%d", "[eE]"
    if hex then digit, exponent, position = "%x", "[pP]", hex end
    local start = position
    position = match(rest, "^" .. digit .. "*%.?" .. digit .. "*()", position)
    if position > start then position = match(rest, "^" .. exponent .. "[+-]?%d*()", position) or position end
    return tonumber(position <= 200 and take(position - 1) or take(200) and nil)
  end
  local function read_one(read_format, position)
    if type(read_format) == "number" then
      local count = math.tointeger(read_format)
      if not count or count < 0 then raise_bad_argument(position, "read", "size", read_format) end
      while #rest < (count > 0 and count or 1) and read_line() do end
      if rest == "" then return nil end
      return take(count)
    end
    if type(read_format) ~= "string" then raise_bad_argument(position, "read", "string", read_format) end
    local form = sub(string.gsub(read_format, "^%*", ""), 1, 1)
    if form == "n" then return numeral() end
    if form == "a" then return take(#rest) .. (native.input("a") or "") end
    if form ~= "l" and form ~= "L" then raise(format("bad argument #%d to 'read' (invalid format)", position)) end
    if rest == "" and not read_line() then return nil end
    local line = take(find(rest, "\n", 1, true) or #rest)
    return form == "l" and string.gsub(line, "\n$", "") or line
  end
  return function(...)
    local formats = pack(...)
    if formats.n == 0 then return (read_one("l", 1)) end
    local results = {}
    for i = 1, formats.n do
      results[i] = read_one(formats[i], i)
      if results[i] == nil then return table.unpack(results, 1, i) end -- as in Lua, nothing follows a failed read
    end
    return table.unpack(results, 1, formats.n)
  end
end

local function stream(name)
  local methods = {}
  local function write(target, ...)
    for i = 1, select("#", ...) do
      local value = (select(i, ...))
      if type(value) ~= "string" and type(value) ~= "number" then
        value = records.text_of(value) or raise_bad_argument(i, "write", "string", value)
      end
      native.out(name, value .. "")
    end
    return target
  end
  function methods.write(self, ...) return write(self, ...) end
  function methods.flush(self) native.flush() return self end
  function methods.setvbuf() return true end
  return methods, write
end

local function json_library()
  local function guarded(call)
    return function(...)
      local ok, result = pcall(call, ...)
      if ok then return result end
      if type(result) == "table" and rawget(result, "json") then raise(result.json) end
      error(result, 0)
    end
  end
  local decode = guarded(json.read)
  local encode = guarded(json.write_pretty)
  local function tagging_function(name, tag)
    return function(value)
      if value == nil then value = {} end
      if type(value) ~= "table" then raise_bad_argument(1, name, "table", value) end
      if native.is_namespace(value) or rawequal(value, json.null) then raise("this table cannot be changed") end
      touch(value)
      return rawsetmetatable(value, tag)
    end
  end
  return {
    null = json.null,
    decode = function(source)
      if type(source) ~= "string" then raise_bad_argument(1, "json.decode", "string", source) end
      return decode(source)
    end,
    encode = encode,
    array = tagging_function("json.array", json.array),
    object = tagging_function("json.object", json.object),
  }
end

-- Return the environment of all chunks of this process.
function sandbox.environment()
  local E = {}
  add_basic_functions(E)
  E.string = copy_functions(string, "byte char find format gmatch gsub len lower match pack packsize rep reverse sub unpack upper")
  E.table = table_library()
  E.math = copy_functions(math, "abs acos asin atan ceil cos deg exp floor fmod huge log max maxinteger min mininteger modf pi rad random randomseed sin sqrt tan tointeger type ult")
  E.utf8 = copy_functions(utf8, "char charpattern codepoint codes len offset")
  E.os = copy_functions(os, "clock date difftime time")
  E.coroutine = {
    create = limits.create, resume = limits.resume, wrap = limits.wrap, yield = limits.yield, close = limits.close,
    running = limits.running, isyieldable = limits.isyieldable, status = limits.status,
  }
  local stdout, write = stream("stdout")
  E.io = { stdout = stdout, stderr = (stream("stderr")), read = input_reader() }
  native.is_stream = { [E.io.stdout] = true, [E.io.stderr] = true }
  function E.io.write(...) return write(stdout, ...) end
  E.json = json_library()
  local rep, format = string.rep, string.format
  function E.string.rep(piece, count, separator)
    if piece == "" and (separator == nil or separator == "") then count = 0 end -- Lua would loop `count` times
    return results_or_raise("rep", pcall(rep, piece, count, separator))
  end
  -- A cache of format strings that have no `%p`, which would show an address. Few scripts have many.
  local safe_formats, safe_count = {}, 0
  local function check_format(pattern)
    if type(pattern) == "string" and find(pattern, "%%[%-+ #0]*%d*%.?%d*p") then
      raise("bad argument #1 to 'format' (addresses, %p, are not available)")
    end
    if safe_count >= 1000 then safe_formats, safe_count = {}, 0 end
    safe_formats[pattern or 0], safe_count = true, safe_count + 1
  end
  -- Return whether standard Lua shows a value by its address.
  local function has_address(value)
    local kind = type(value)
    if kind ~= "table" then return kind == "function" or kind == "thread" end
    local metatable = getmetatable(value)
    return not (metatable and rawget(metatable, "__tostring"))
  end
  local function without_addresses(result, pattern, ...)
    local values, argument_index, has_changed = pack(...), 0, false
    for letter in string.gmatch(pattern, "%%[%-+ #0]*%d*%.?%d*([%a%%])") do
      if letter ~= "%" then argument_index = argument_index + 1 end
      if letter == "s" and has_address(values[argument_index]) then
        values[argument_index], has_changed = text.tostring(values[argument_index]), true
      end
    end
    return has_changed and results_or_raise("format", pcall(format, pattern, table.unpack(values, 1, values.n))) or result
  end
  -- Check the result rather than each argument: an address follows a colon and begins with 0.
  function E.string.format(pattern, ...)
    if not safe_formats[pattern or 0] then check_format(pattern) end
    local result = format(pattern, ...)
    if find(result, ": 0", 1, true) then return without_addresses(result, pattern, ...) end
    return result
  end
  return E
end

return sandbox
