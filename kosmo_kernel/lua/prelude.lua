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
local function file(name, ...) return assert(load(host.source(name), "@" .. name, "t", _ENV))(native, ...) end

-- Parts of one another, so the first calls go through `native`.
function native.touch(value) return native.records.touch(value) end
function native.behave(metatable, kind) return native.records.behave(metatable, kind) end
local json = file("json")
file("writing", json)
local text = file("text", json)
local limits = file("limits", host)
local records = file("records", json)
local cells = file("cells")
native.records, native.steady = records, limits.steady
native.render = text.render
native.secret = host.secret

function json.array_of(list) return debug.setmetatable(list, json.array) end

-- Where a script is --------------------------------------------------------------------------------------

local sources = {} -- chunk name -> its text
local trusted = {} -- chunk names of our own files
for _, name in ipairs({ "prelude", "json", "writing", "text", "limits", "records", "cells", "sandbox", "namespaces" }) do trusted["@" .. name] = true end

-- The innermost frame of a script, as `source` and `line`; nil when Lua has none to name.
local function user_frame(level)
  while true do
    local info = getinfo(level, "Sl")
    if not info then return nil end
    if info.what ~= "C" and not trusted[info.source] then return info.short_src, info.currentline, level - 1 end
    if info.what ~= "C" and info.source == "@prelude" and level > 40 then return nil end
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
  failures[message] = facts
  error(message, 0)
end

-- What a script gets to see of an error: itself, and the facts of a failed call.
function native.failure(problem)
  if type(problem) == "table" and problem.json then problem = problem.json end
  return problem, type(problem) == "string" and failures[problem] or nil
end

-- Joining null fields ------------------------------------------------------------------------------------

local noted_function, noted_line

function native.note_null()
  local info = getinfo(3, "fl") -- this function, what reads absent fields (reached by a tail call), the script
  if info then noted_function, noted_line = info.func, info.currentline end
end

local function line_of(source, number)
  local at = 1
  for line in string.gmatch((sources[source] or "") .. "\n", "([^\n]*)\n") do
    if at == number then return line end
    at = at + 1
  end
  return ""
end

-- Whether two lines belong to one joined expression: every line break between them touches a `..`.
local function same_expression(source, a, b)
  if a > b then a, b = b, a end
  for number = a, b - 1 do
    if not find(line_of(source, number), "%.%.%s*$") and not find(line_of(source, number + 1), "^%s*%.%.") then return false end
  end
  return true
end

-- Whether the nil being joined now is a declared field read in the same expression.
function native.was_null()
  local info = getinfo(3, "flS")
  if not info or info.func ~= noted_function then return false end
  return noted_line == info.currentline or same_expression(info.short_src, noted_line, info.currentline)
end

-- The variable that holds nil in a join, as Lua's own message names it: ` (global 'x')`.
local function guilty(level)
  local info = getinfo(level, "flS")
  if not info then return "" end
  local line = line_of(info.short_src, info.currentline)
  local function value_of(name)
    for index = 1, 250 do
      local known, value = debug.getlocal(level + 1, index)
      if not known then break end
      if known == name then return "local", value end
    end
    for index = 1, 255 do
      local known, value = debug.getupvalue(info.func, index)
      if not known then break end
      if known == name then return cells.get(name) ~= nil and "local" or "upvalue", value end
    end
    return "global", rawget(native.environment, name)
  end
  -- The last operand that is nil: joins go from right to left.
  local found = ""
  for chain in string.gmatch(line, "[%a_][%w_%.]*") do
    local name, rest = match(chain, "^([%a_][%w_]*)(.*)$")
    local kind, value = value_of(name)
    local last = name
    for field in string.gmatch(rest, "%.([%a_][%w_]*)") do
      if type(value) ~= "table" then break end
      kind, last, value = "field", field, rawget(value, field)
    end
    local escaped = string.gsub(chain, "%.", "%%.")
    local is_operand = find(line, "%.%.%s*" .. escaped .. "%f[^%w_%.]") or find(line, "%f[%w_]" .. escaped .. "%s*%.%.")
    if value == nil and is_operand then found = format(" (%s '%s')", kind, last) end
  end
  return found
end

function native.raise_join(culprit)
  native.raise(format("attempt to concatenate a %s value%s", type(culprit), culprit == nil and guilty(4) or ""))
end

debug.setmetatable(nil, { __metatable = false, __concat = records.joined })

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

function native.flush()
  if buffered == 0 then return end
  local piece = concat(buffer)
  buffer, buffered = {}, 0
  host.disarm()
  host.send(packed({ kind = "output", stream = current }, { piece }))
  host.arm()
end

function native.out(name, piece)
  if name ~= current then native.flush() end
  current = name
  buffer[#buffer + 1] = piece
  buffered = buffered + #piece
  if buffered > 65536 then native.flush() end
end

-- Ask the parent and wait for the answer: its header, and its texts.
function native.ask(header, texts)
  native.flush()
  header.released = records.released()
  host.disarm() -- lupa's own code must never meet the memory limit
  local answer, pieces = unpacked(host.ask(packed(header, texts)))
  host.arm()
  if answer.stop then limits.die(answer.stop, answer.message) end
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
function native.string_method(key)
  local method = rawget(environment.string, key)
  return type(method) == "function" and method or nil
end
debug.setmetatable("", { __index = environment.string, __metatable = false })

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

local requests = {}

local function stack_of(thread)
  local frames = {}
  for level = 0, 60 do
    local info = getinfo(thread, level, "Sln")
    if not info then break end
    if info.what ~= "C" and not trusted[info.source] then
      local name = info.what == "main" and "main chunk" or info.name and format("function '%s'", info.name) or "a function"
      frames[#frames + 1] = { chunk = info.short_src, line = info.currentline, name = name }
    end
  end
  if #frames > 0 then frames[#frames].name = "the cell" end
  return json.array_of(frames)
end

local function error_reply(problem, thread, why)
  local stack = thread and stack_of(thread) or json.array_of({})
  if why then return { kind = "failed", type = why.stop, message = why.message, line = why.line, stack = stack } end
  local message, facts = native.failure(problem)
  if type(message) ~= "string" then
    message = type(message) == "table" and text.tostring(message) or format("(error object is a %s value)", type(message))
    if #stack > 0 then message = format("%s:%d: %s", stack[1].chunk, stack[1].line, message) end
  end
  return { kind = "failed", type = "lua_runtime", message = message, facts = facts, stack = stack }
end

function requests.run(header, texts)
  local source, name = texts[1], header.name
  failures = {}
  learn_order(source)
  sources[name] = source
  local run, hidden, is_alive = cells.compile(source, name, environment)
  if not run then
    return { kind = "failed", type = "lua_syntax", message = hidden, incomplete = find(hidden, "<eof>$") ~= nil }
  end
  local thread, answer, why = limits.run(run, header.cpu_limit, header.memory_limit, table.unpack(header.args or {}))
  if not answer[1] then
    if is_alive then cells.salvage(thread, run, is_alive) end
    return error_reply(answer[2], thread, why)
  end
  if why then return error_reply(nil, nil, why) end
  local values, pieces = {}, {}
  for i = 2, answer.n do
    local described, piece = records.describe(answer[i], answer.n > 2 and format("result[%d]", i - 1) or "result")
    described.blob = piece and #pieces + 1 or nil
    pieces[#pieces + 1] = piece
    values[#values + 1] = described
  end
  return { kind = "done", values = json.array_of(values), hidden = hidden or false }, pieces
end

function requests.check(_, texts)
  local state, fault = cells.completeness(texts[1])
  return { kind = "checked", state = state, message = fault }
end

-- The value at the end of a chain of names, read raw, without effects.
local function reach(chain)
  local value = environment
  for i, name in ipairs(chain) do
    if i == 1 then
      local kept, is_kept = cells.get(name)
      if is_kept then value = kept else value = rawget(environment, name) end
    elseif type(value) == "string" then value = rawget(environment.string, name)
    elseif type(value) ~= "table" then return nil
    elseif native.is_namespace(value) then value = spaces.child(value, name)
    else
      local metatable = getmetatable(value)
      if metatable and metatable.kind == "row" then return nil end
      value = rawget(value, name)
    end
    if value == nil then return nil end
  end
  return value
end

function requests.names(header)
  local found = {}
  if #header.chain == 0 then
    for name, value in next, environment do
      if type(name) == "string" then found[name] = type(value) end
    end
    for name, kind in next, cells.names() do found[name] = kind end
  else
    local value = reach(header.chain)
    if type(value) == "string" then
      for name in next, environment.string do found[name] = "function" end
    elseif native.is_namespace(value) then found = spaces.names(value)
    elseif type(value) == "table" and value ~= json.null then found = records.field_names(value) end
  end
  return { kind = "names", names = debug.setmetatable(found, { kind = "object" }) }
end

function requests.resolve(header)
  local value = reach(header.chain)
  if value == nil then return { kind = "resolved" } end
  local reply = { kind = "resolved", found = true, type = type(value), text = sub(text.tostring(value), 1, 2000) }
  if type(value) == "function" then
    reply["function"] = native.catalogue_name(value)
    local info = getinfo(value, "S")
    if info.what == "Lua" and not trusted[info.source] and sources[info.short_src] then
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
  native.flush()
  reply.released = records.released()
  reply.memory = math.floor(collectgarbage("count") * 1024)
  return packed(reply, pieces)
end
