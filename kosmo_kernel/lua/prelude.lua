-- Set up a new Lua state and handle requests: the first code that runs, and the only code with the real globals.
--
-- The worker passes in a few Python functions, which become upvalues of the closures here and cannot be reached in any
-- other way; each takes and returns bytes or small numbers. This file returns one function, `serve`, from the bytes of
-- a request to the bytes of its reply. Both consist of the length of a JSON header, the header, and texts whose lengths
-- the header gives.

local host = ...

-- Trusted files use a copy of the standard globals. The real table of globals is emptied below, so that neither a
-- script nor lupa (which looks up `debug` there before each call) finds anything in it.
local real_globals = _G
local _ENV = {}
for name, value in real_globals.next, real_globals do _ENV[name] = value end

local concat, format, find = table.concat, string.format, string.find
local getinfo, getmetatable = debug.getinfo, debug.getmetatable

local native = {} -- functions shared by the trusted files; never visible to scripts
local function load_file(name, ...) return assert(load(host.source(name), "@kosmo/" .. name, "t", _ENV))(native, ...) end

-- The metatable of a trusted table tells its kind. A script can make metatables with the same fields, so the trusted
-- ones are registered, and their fields may only be read after `ours`.
local registered = setmetatable({}, { __mode = "k" })
function native.register(metatable)
  registered[metatable] = true
  return metatable
end
function native.ours(value)
  local metatable = getmetatable(value)
  return metatable and registered[metatable] and metatable or nil
end

-- These files depend on one another, so some functions are called through `native`.
function native.touch(value) return native.records.touch(value) end
function native.behave(metatable, kind) return native.records.behave(metatable, kind) end
local json = load_file("json")
local key_order = load_file("key_order")
load_file("json_encode", json, key_order)
function json.array_of(list) return debug.setmetatable(list, json.array) end
local text = load_file("text", json)
native.render, native.clipped, native.secret = text.render, text.clipped, host.secret
native.quoted = text.quoted
local positions = load_file("positions", json)
local transport = load_file("transport", host, json, text)
local limits = load_file("limits", host)
native.steady, native.die, native.check_result = limits.steady, limits.die, limits.check_result
local tasks = load_file("coroutines", limits)
local columns = load_file("columns")
local records = load_file("records", json, columns, load_file("references"))
load_file("value_descriptions", json, records, columns, key_order)
load_file("fields", json, records)
native.records = records
local cells = load_file("cells")
local concatenation = load_file("concatenation", records, load_file("naming", cells))
local parallel = load_file("parallel", json, tasks, transport, positions)

-- The environment ------------------------------------------------------------------------------------------

local spaces = load_file("namespaces", json, records, text)
local mcp = load_file("mcp", spaces)
local inputs_outputs = load_file("inputs_outputs", json, records, cells, spaces)
local sandbox = load_file("sandbox", json, records, limits, text)
local environment = sandbox.environment()
native.environment = environment
for name, value in next, spaces.globals() do environment[name] = value end
environment.mcp = mcp
environment.parallel = parallel.globals
local list_keys = load_file("list_keys", json, records)
environment.list = load_file("list", json, records, list_keys)
environment.time = load_file("time")
environment.regex = load_file("regex", records)
environment.display = load_file("display", json, records)
load_file("tables", json, records, spaces, environment)
local outputs = load_file("outputs", spaces, environment)
local missing_names = load_file("missing_names", positions, environment, list_keys.is_misspelt)
local globals = load_file("globals", spaces, positions, environment, missing_names)
local MAX_NUMERAL_BYTES = 400 -- bytes of a text that may be used as a number
local methods = environment.string -- kept, because a script may replace the global
function native.string_method(key)
  local method = rawget(methods, key)
  return type(method) == "function" and method or nil
end
local string_metatable = { __index = methods, __metatable = false }
for _, event in ipairs({ "add", "sub", "mul", "div", "mod", "pow", "unm", "idiv" }) do
  local calculate = getmetatable("")["__" .. event]
  string_metatable["__" .. event] = function(a, b)
    for _, operand in ipairs({ a, b }) do -- converting a numeral of megabytes takes long and cannot be interrupted
      if type(operand) == "string" and #operand > MAX_NUMERAL_BYTES then native.raise("attempt to perform arithmetic on a long string") end
    end
    return calculate(a, b)
  end
end
debug.setmetatable("", string_metatable)

-- Requests ---------------------------------------------------------------------------------------------------

local MAX_CHECKED_BYTES = 64 << 10 -- bytes of a text that is checked while the user types

local requests = {}

local MAX_MESSAGE_BYTES = 20000

-- Return the reply for a failed run. Its place is the one that the message begins with, else that of the stack.
local function failed(kind, message, stack)
  message = message and text.clipped(message, MAX_MESSAGE_BYTES)
  local innermost = stack[1] or {}
  local chunk, line = innermost.chunk, innermost.line
  if message then
    local named_chunk, named_line = positions.place(message, stack)
    if named_chunk then chunk, line = named_chunk, named_line end
  end
  return { kind = "failed", type = kind, message = message, chunk = chunk, line = line, stack = stack }
end

local function error_reply(problem, thread, stop_reason)
  local stack = thread and positions.stack(thread, "the cell") or json.array_of({})
  if stop_reason then
    return failed(stop_reason.stop, nil, stop_reason.way and positions.joined(stop_reason.way, stack) or stack)
  end
  local prefix = positions.of(stack)
  local message = native.failure(problem, prefix)
  local innermost = thread and debug.getinfo(thread, 0, "f")
  -- Lua's messages have no line where C code compares: `table.sort` does.
  if type(message) == "string" and innermost and innermost.func == table.sort then message = prefix .. message end
  if type(message) == "string" and thread then message = concatenation.with_null_field(message, prefix, thread) end
  if type(message) ~= "string" then
    -- A script's table may have a `__tostring`, which is the script's code and runs under its limits.
    local result = limits.run(text.tostring, { hook = true }, message)
    local has_text = type(message) == "table" or type(message) == "number"
    message = prefix
      .. (has_text and result.values and result.values[1] or format("(error object is a %s value)", type(message)))
  end
  local reply = failed("lua_runtime", message, positions.whole_stack(problem, stack))
  reply.cause = positions.cause(problem)
  return reply
end

local SMALL_TYPES = { ["nil"] = true, boolean = true, number = true }

-- Return whether the results of a run are so small that describing them needs no limits.
local function is_small(values)
  if values.n > 4 then return false end
  for i = 1, values.n do
    if not SMALL_TYPES[type(values[i])] then return false end
  end
  return true
end

-- Run a cell. An isolated one sees no variables of earlier cells and leaves none.
local function run_cell(header, texts)
  local source, name = texts[1], header.name
  positions.begin(name, source)
  key_order.begin()
  concatenation.begin()
  spaces.forget_servers()
  local inputs, input_names = header.inputs or {}, {}
  for _, input in ipairs(inputs) do input_names[input.name] = true end
  local globals = environment
  if header.isolated then
    globals = native.new_environment()
    cells.clear()
  end
  local cell_function, hidden, is_alive = cells.compile(source, name, globals, input_names)
  if not cell_function then
    local reply = failed("lua_syntax", hidden, json.array_of({}))
    reply.incomplete = find(hidden, "<eof>$") ~= nil -- as in the `lua` shell
    return reply
  end
  native.forget_input()
  native.forget_time()
  if header.numbered then outputs.begin() end
  limits.begin(header.cpu_limit, header.memory_limit)
  local outcome = #inputs > 0 and limits.run(inputs_outputs.take, { hook = true }, globals, inputs, texts) or { values = {} }
  for i = #texts, 2, -1 do texts[i] = nil end
  local started = outcome.values ~= nil
  if started then outcome = limits.run(cell_function, { hook = true }, table.unpack(header.args or {})) end
  parallel.forget()
  if not outcome.values then
    if started and is_alive then cells.salvage(outcome.thread, cell_function, is_alive) end
    local reply, stop_reason = error_reply(outcome.problem, outcome.thread, outcome.why), outcome.why
    outcome = nil -- frees the values that only the script's frames refer to
    if stop_reason then reply.full = limits.is_full() end
    return reply
  end
  local output_names, described = header.outputs or {}, nil
  if #output_names == 0 and is_small(outcome.values) then
    described = { values = table.pack(inputs_outputs.give(outcome.values, output_names, header.result_limit)) }
  else
    described = limits.run(inputs_outputs.give, {}, outcome.values, output_names, header.result_limit)
  end
  if not described.values then return error_reply(described.problem, nil, described.why) end
  if outcome.values.n == 0 then hidden = true end
  local first_value = outcome.values[1]
  -- Do not show the stream that `io.write` returns.
  if native.is_stream[first_value] then hidden, first_value = true, nil end
  if header.numbered and not header.dry_run then outputs.add(first_value) end
  local values, variables, blobs = table.unpack(described.values)
  -- Omit empty and false fields, because encoding and decoding them would take longer than most cells.
  return { kind = "done", values = values, outputs = #output_names > 0 and variables or nil, hidden = hidden or nil }, blobs
end

local restore_variables -- restores the variables as they were before the last dry runs

-- Run a cell. The calls of a dry run have no results; its variables stay for the next dry run, and are restored before
-- the next real run.
function requests.run(header, texts)
  if header.dry_run then
    restore_variables = restore_variables or inputs_outputs.remember()
  elseif restore_variables then
    restore_variables()
    restore_variables = nil
  end
  native.is_running = true -- the parent answers requests
  local reply, blobs = run_cell(header, texts)
  if header.isolated then cells.clear() end
  return reply, blobs
end

function requests.check(_, texts)
  -- A longer text is pasted rather than typed, and compiling it takes too long between two keystrokes.
  local state, message = "complete", nil
  if #texts[1] < MAX_CHECKED_BYTES then state, message = cells.completeness(texts[1]) end
  return { kind = "checked", state = state, line = message and tonumber(string.match(message, "^cell:(%d+):")) }
end

-- Requests of an editor while the user types.
local introspection = load_file("introspection", json, cells, spaces, text, positions, methods)

function requests.names(header)
  return { kind = "names", names = debug.setmetatable(introspection.names(header.chain), json.object) }
end

function requests.variables()
  return { kind = "variables", variables = debug.setmetatable(introspection.variables(), json.object) }
end

function requests.resolve(header)
  local reply = introspection.resolve(header.chain)
  reply.kind = "resolved"
  return reply
end

-- Collect garbage, so that lists without references are released.
function requests.sweep()
  collectgarbage()
  return { kind = "swept", done = "yes" }
end

function requests.spaces(header, texts)
  globals.prepare(spaces.prepare(texts[1], header.names))
  introspection.begin()
  return { kind = "ready" }
end

for name in pairs(package.loaded) do package.loaded[name] = nil end
for name in pairs(real_globals) do real_globals[name] = nil end

return function(bytes)
  local header, texts = transport.unpacked(bytes)
  bytes = nil -- free it, since it may be most of the heap
  local reply, blobs = requests[header.kind](header, texts)
  limits.finish()
  native.is_running = false
  key_order.finish()
  transport.finish()
  reply.memory = math.floor(collectgarbage("count") * 1024)
  return transport.packed(reply, blobs, records.released())
end
