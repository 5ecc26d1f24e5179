-- The Lua half of the worker: the first code in a new Lua state, and the only code with the real globals.
--
-- The worker gives it a few Python functions, which become upvalues of the closures here and are
-- reachable in no other way; each takes and gives bytes or small numbers. What comes back to the worker is
-- one function, `serve`: a request's bytes in, the reply's bytes out. A request or reply is a JSON header,
-- its length in front, followed by texts whose lengths the header gives.

local host = ...

-- Our files keep the standard globals; the real table of globals is emptied below, so that neither a script nor
-- lupa (which looks for `debug` there before each call) finds anything in it.
local real = _G
local _ENV = {}
for name, value in real.next, real do _ENV[name] = value end

local concat, format, find, match, sub = table.concat, string.format, string.find, string.match, string.sub
local getinfo, getmetatable = debug.getinfo, debug.getmetatable

local native = {} -- what the other files need of this one; never visible to scripts
local function file(name, ...) return assert(load(host.source(name), "@kosmo/" .. name, "t", _ENV))(native, ...) end

-- Our metatables say what a table is. A script can make metatables with the same fields, so ours are registered,
-- and nothing but `ours` may look at their fields.
local registered = setmetatable({}, { __mode = "k" })
function native.register(metatable)
  registered[metatable] = true
  return metatable
end
function native.ours(value)
  local metatable = getmetatable(value)
  return metatable and registered[metatable] and metatable or nil
end

-- Parts of one another, so the first calls go through `native`.
function native.touch(value) return native.records.touch(value) end
function native.behave(metatable, kind) return native.records.behave(metatable, kind) end
local json = file("json")
file("writing", json)
local text = file("text", json)
local limits = file("limits", host)
local records = file("records", json)
local cells = file("cells")
native.records, native.steady, native.count_call = records, limits.steady, limits.count_call
native.render, native.clipped = text.render, text.clipped
native.secret = host.secret

function json.array_of(list) return debug.setmetatable(list, json.array) end

-- Where a script is --------------------------------------------------------------------------------------

local sources = {} -- chunk name -> its text
local function is_trusted(info) return find(info.source, "^@kosmo/") ~= nil end

-- The innermost frame of a script, as `source` and `line`; nil when Lua has none to name.
local function user_frame(level)
  while true do
    local info = getinfo(level, "Sl")
    if not info then return nil end
    if info.what ~= "C" and not is_trusted(info) then return info.short_src, info.currentline end
    level = level + 1
  end
end

function native.user_line(level)
  local _, line = user_frame(level + 1)
  return line
end

local function position()
  local source, line = user_frame(3)
  return source and format("%s:%d: ", source, line) or ""
end

-- An error of the script's own making, with its line in front.
function native.raise(message) error(position() .. message, 0) end

-- Failed calls: an error object inside, a text and a table of facts for the script.
local failures = {}
local function raise_failure(facts)
  local message = position() .. facts.message
  failures[message] = json.write(facts)
  error(message, 0)
end

-- What a script gets to see of an error: itself, and the facts of a failed call. A standard function that we call
-- in a script's name says our line; the script's own is put in its place, or none.
function native.failure(problem, place)
  if type(problem) ~= "string" then return problem end
  local message, count = string.gsub(problem, "^kosmo/%a+:%d+: ", place or position())
  local facts = failures[problem]
  return count > 0 and message or problem, facts and json.read(facts)
end

function native.line_of(source, number)
  local at = 1
  for line in string.gmatch((sources[source] or "") .. "\n", "([^\n]*)\n") do
    if at == number then return line end
    at = at + 1
  end
  return ""
end

file("joining", records, cells)

-- Talking to the parent ------------------------------------------------------------------------------------

local function packed(header, texts)
  if texts and #texts > 0 then
    local lengths = {}
    for i, piece in ipairs(texts) do lengths[i] = #piece end
    header.blobs = json.array_of(lengths)
  end
  local head = json.write(header)
  return string.pack(">I4", #head) .. head .. (texts and concat(texts) or "")
end

local function unpacked(bytes)
  local size = string.unpack(">I4", bytes)
  local header, texts, at = json.read(sub(bytes, 5, 4 + size)), {}, 5 + size
  for i, length in ipairs(header.blobs or {}) do
    texts[i] = sub(bytes, at, at + length - 1)
    at = at + length
  end
  return header, texts
end

local buffer, buffered, current = {}, 0, nil
-- What a script prints passes through here while its hook is on, and the hook may want to flush at any instruction:
-- while the buffer is being changed it only leaves word.
local changing, due = false, false

function native.flush()
  if changing then
    due = true
    return
  end
  if buffered == 0 then return end
  changing = true
  host.disarm()
  local piece = concat(buffer)
  buffer, buffered, due = {}, 0, false
  host.send(packed({ kind = "output", stream = current }, { piece }))
  host.arm()
  changing = false
end

function native.out(name, piece)
  if piece == "" then return end
  if name ~= current then native.flush() end
  changing = true
  current = name
  buffer[#buffer + 1] = piece
  buffered = buffered + #piece
  changing = false
  if due or buffered > 65536 or #buffer > 4096 then native.flush() end
end

-- Tell the parent something that wants no answer, in order with what was printed.
function native.tell(header, texts)
  native.flush()
  local bytes = packed(header, texts)
  host.disarm()
  host.send(bytes)
  host.arm()
end

-- Ask the parent and wait for the answer: its header, and its texts.
function native.ask(header, texts)
  native.flush()
  header.released = records.released()
  local ok, bytes = pcall(packed, header, texts)
  if not ok then
    if type(bytes) ~= "table" then error(bytes, 0) end
    native.raise(bytes.json)
  end
  host.disarm() -- lupa's own code must never meet the memory limit
  local answer, pieces = unpacked(host.ask(bytes))
  host.arm()
  if answer.stop then limits.die(answer.stop) end
  if answer.error then raise_failure(answer.error) end
  return answer, table.unpack(pieces)
end

function native.input(wanted)
  local answer, line = native.ask({ kind = "input", format = wanted })
  if answer.ended then return nil end
  return line
end

-- The environment ------------------------------------------------------------------------------------------

local spaces = file("namespaces", json, records, text)
local sandbox = file("sandbox", json, records, limits, text)
local environment = sandbox.environment()
native.environment = environment
for name, value in next, spaces.globals() do environment[name] = value end
environment.regex = file("regex", records)
environment.display = file("display", json, records)
local NUMERAL = 400 -- letters of a text that may be calculated with
local methods = environment.string -- whatever a script puts in its place
function native.string_method(key)
  local method = rawget(methods, key)
  return type(method) == "function" and method or nil
end
local strings = { __index = methods, __metatable = false }
for _, event in ipairs({ "add", "sub", "mul", "div", "mod", "pow", "unm", "idiv" }) do
  local calculate = getmetatable("")["__" .. event]
  strings["__" .. event] = function(a, b)
    for _, operand in ipairs({ a, b }) do -- reading a numeral of megabytes takes long, and nothing could stop it
      if type(operand) == "string" and #operand > NUMERAL then native.raise("attempt to perform arithmetic on a long string") end
    end
    return calculate(a, b)
  end
end
debug.setmetatable("", strings)

-- Columns that a script makes come in the order in which its text names them.
local order = {}
function native.place(key) return order[key] or 1e9 end

local function learn_order(source)
  order = {}
  local count = 0
  for name in string.gmatch(source, "[{,;%.]%s*([%a_][%w_]*)%s*=%f[^=]") do
    count = count + 1
    if not order[name] then order[name] = count end
  end
end

-- Requests ---------------------------------------------------------------------------------------------------

local TYPED = 64 << 10 -- bytes of a text that is looked at while it is typed
local OFFERED = 2000 -- names told of one table

local requests = {}

local function clean(value) return text.clipped(value, 20000) end

local function stack_of(thread)
  local frames = {}
  for level = 0, 60 do
    local info = getinfo(thread, level, "Sln")
    if not info then break end
    if info.what ~= "C" and not is_trusted(info) then
      local name = info.what == "main" and "main chunk" or info.name and format("function '%s'", clean(info.name)) or "a function"
      frames[#frames + 1] = { chunk = clean(info.short_src), line = info.currentline, name = name }
    end
  end
  if #frames > 0 then frames[#frames].name = "the cell" end
  return json.array_of(frames)
end

local function error_reply(problem, thread, why)
  local stack = thread and stack_of(thread) or json.array_of({})
  if why then return { kind = "failed", type = why.stop, line = why.line, stack = stack } end
  local place = #stack > 0 and format("%s:%d: ", stack[1].chunk, stack[1].line) or ""
  local message, facts = native.failure(problem, place)
  if type(message) ~= "string" then
    -- A script's own table may say itself, which is the script's code and runs under its limits.
    local said = limits.run(text.tostring, { hook = true }, message)
    local itself = type(message) == "table" or type(message) == "number"
    message = place .. (itself and said.values and said.values[1] or format("(error object is a %s value)", type(message)))
  end
  return { kind = "failed", type = "lua_runtime", message = clean(message), facts = facts, stack = stack }
end

-- The values of a cell for the parent. No code of the script runs here, but its data may be large or tangled.
local function describe(results, most)
  local values, pieces = json.array_of({}), {}
  for i = 1, results.n do
    local described, piece = records.describe(results[i], results.n > 1 and format("result[%d]", i) or "result", most)
    described.blob = piece and #pieces + 1 or nil
    pieces[#pieces + 1] = piece
    values[#values + 1] = described
    most = most - #(piece or "")
  end
  return values, pieces
end

function requests.run(header, texts)
  local source, name = texts[1], header.name
  failures = {}
  learn_order(source)
  sources[name] = source
  local run, hidden, is_alive = cells.compile(source, name, environment)
  if not run then
    return { kind = "failed", type = "lua_syntax", message = clean(hidden), incomplete = find(hidden, "<eof>$") ~= nil }
  end
  limits.begin(header.cpu_limit, header.memory_limit, header.call_limit)
  local ran = limits.run(run, { hook = true }, table.unpack(header.args or {}))
  if not ran.values then
    if is_alive then cells.salvage(ran.thread, run, is_alive) end
    local reply, stopped = error_reply(ran.problem, ran.thread, ran.why), ran.why
    ran = nil -- with it goes what only the script's frames held
    if stopped then reply.full = limits.is_full() end
    return reply
  end
  local described = limits.run(describe, {}, ran.values, header.result_limit)
  if not described.values then return error_reply(described.problem, nil, described.why) end
  local values, pieces = described.values[1], described.values[2]
  return { kind = "done", values = values, hidden = hidden or false }, pieces
end

function requests.check(_, texts)
  -- Nobody types that much, and compiling it takes longer than a keystroke may.
  local state = "complete"
  if #texts[1] < TYPED then state = cells.completeness(texts[1]) end
  return { kind = "checked", state = state }
end

-- The value at the end of a chain of names, read raw, without effects.
local function reach(chain)
  local value = environment
  for i, name in ipairs(chain) do
    if i == 1 then
      local kept, is_kept = cells.get(name)
      if is_kept then value = kept else value = rawget(environment, name) end
    elseif type(value) == "string" then value = rawget(methods, name)
    elseif type(value) ~= "table" then return nil
    elseif native.is_namespace(value) then value = spaces.child(value, name)
    else
      local ours = native.ours(value)
      if ours and ours.kind == "row" then return nil end
      value = rawget(value, name)
    end
    if value == nil then return nil end
  end
  return value
end

function requests.names(header)
  local found, count = {}, 0
  if #header.chain == 0 then
    for name, value in next, environment do found[name] = type(value) end
    for name, kind in next, cells.names() do found[name] = kind end
  else
    local value = reach(header.chain)
    if type(value) == "string" then
      for name in next, methods do found[name] = "function" end
    elseif native.is_namespace(value) then found = spaces.names(value)
    elseif type(value) == "table" and not rawequal(value, json.null) then found = records.field_names(value) end
  end
  local names = {}
  for name, kind in next, found do
    if type(name) == "string" and find(name, "^[%a_][%w_]*$") and count < OFFERED then
      names[name], count = kind, count + 1
    end
  end
  return { kind = "names", names = debug.setmetatable(names, json.object) }
end

function requests.resolve(header)
  local value = reach(header.chain)
  if value == nil then return { kind = "resolved" } end
  local reply = { kind = "resolved", found = true, type = type(value), text = text.clipped(text.render(value), 2000) }
  if type(value) == "function" then
    reply["function"] = native.catalogue_name(value)
    local info = getinfo(value, "S")
    if info.what == "Lua" and not is_trusted(info) and sources[info.short_src] then
      local lines, at = {}, 1
      for line in string.gmatch(sources[info.short_src] .. "\n", "([^\n]*)\n") do
        if at >= info.linedefined and at <= info.lastlinedefined then lines[#lines + 1] = line end
        at = at + 1
      end
      reply.source, reply.line, reply.chunk = concat(lines, "\n"), info.linedefined, info.short_src
    end
  end
  return reply
end

function requests.spaces(_, texts)
  spaces.prepare(texts[1])
  return { kind = "ready" }
end

for name in pairs(package.loaded) do package.loaded[name] = nil end
for name in pairs(real) do real[name] = nil end

return function(bytes)
  local header, texts = unpacked(bytes)
  local reply, pieces = requests[header.kind](header, texts)
  limits.finish()
  changing = false -- a script that was stopped in the midst of printing
  native.flush()
  reply.released = records.released()
  reply.memory = math.floor(collectgarbage("count") * 1024)
  return packed(reply, pieces)
end
