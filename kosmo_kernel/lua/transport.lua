-- Exchange messages with the parent: printed text, requests and replies, and calls that run in parallel.
--
-- A payload is the length of a JSON header, the header, and texts whose lengths the header gives. Printed text is
-- buffered and sent in pieces. A request waits for its reply. A parallel call is *begun* without waiting: several are
-- sent together, at the latest when a result is needed or when the hook flushes them after a while.

local native, host, json = ...
local concat, format, pack, sub, unpack = table.concat, string.format, string.pack, string.sub, string.unpack
local error, ipairs, next, pcall, type = error, ipairs, next, pcall, type

local PIECES, BYTES = 8192, 65536 -- buffered output: number of pieces, and bytes
local MOST = 8 << 20 -- bytes of one piece of output; the parent limits the output of a run to a fraction of it
local BEGUN = 1 << 20 -- bytes of texts of begun calls at which they are sent
local LONG = 1 << 16 -- bytes of a text in a request's header; no real name is as long
local EAGER = 8 -- pieces sent at once per tenth of a second, because nothing can be sent during a long step in C

local transport = {}

-- Return a payload: the header's JSON with the released lists and the lengths of the texts added, and the texts.
local function payload(head, texts, released)
  local lengths = {}
  for i, piece in ipairs(texts or lengths) do lengths[i] = #piece end
  local more = released and #released > 0 and ',"released":' .. json.write(released) or ""
  if #lengths > 0 then more = more .. ',"blobs":[' .. concat(lengths, ",") .. "]" end
  if more ~= "" then head = sub(head, 1, -2) .. more .. "}" end
  return pack(">I4", #head) .. head .. (texts and concat(texts) or "")
end

function transport.packed(header, texts, released) return payload(json.write(header), texts, released) end

function transport.unpacked(bytes)
  local size = unpack(">I4", bytes)
  local header, texts, at = native.steady(json.read, sub(bytes, 5, 4 + size)), {}, 5 + size
  for i, length in ipairs(header.blobs or {}) do
    texts[i] = sub(bytes, at, at + length - 1)
    at = at + length
  end
  return header, texts
end

local buffer, buffered, current, eager = {}, 0, nil, EAGER -- printed text, its bytes and stream; pieces to send at once
local begun, begun_bytes = {}, 0 -- begun calls not sent yet: { id, head (its JSON), texts }; bytes of their texts
local coming, done, told = 0, 0, 0 -- started and finished items not reported yet; the number of reports
-- All of these change while the hook is on, and the hook may flush at any instruction. While `changing` is true, it
-- only sets `due`.
local changing, due = false, false

-- Return the begun calls as a payload of this kind.
local function batch(kind, released)
  local heads, texts = {}, {}
  for i, call in ipairs(begun) do
    heads[i] = call.head
    for _, piece in ipairs(call.texts) do texts[#texts + 1] = piece end
  end
  local head = format('{"kind":"%s","coming":%d,"done":%d,"begin":[%s]}', kind, coming, done, concat(heads, ","))
  begun, begun_bytes, coming, done, told = {}, 0, 0, 0, told + 1
  return payload(head, texts, released)
end

-- Send the buffered text and calls. `more`, if given, is the number of further pieces that may be sent at once.
function native.flush(more)
  eager = more or eager
  if changing then
    due = true
    return
  end
  due = false
  if buffered == 0 and #begun == 0 then return end
  changing = true
  host.disarm()
  if buffered > 0 then
    local piece = concat(buffer)
    buffer, buffered = {}, 0
    host.send(payload(format('{"kind":"output","stream":"%s"}', current), { piece }))
  end
  if #begun > 0 then host.send(batch("begin")) end
  host.arm()
  changing = false
end

-- Flush after a tenth of a second.
function native.breathe() native.flush(EAGER) end

function native.out(name, piece)
  if piece == "" then return end
  if #piece > MOST then piece = sub(piece, 1, MOST) end
  if name ~= current then native.flush() end
  changing = true
  current = name
  buffer[#buffer + 1] = piece
  buffered = buffered + #piece
  changing = false
  if eager > 0 then native.flush(eager - 1)
  elseif due or buffered > BYTES or #buffer > PIECES then native.flush() end
end

-- Send an event, which has no reply, in order with printed text.
function native.tell(header, texts)
  native.flush()
  local bytes = transport.packed(header, texts)
  host.disarm()
  host.send(bytes)
  host.arm()
end

local function answered(bytes)
  host.disarm() -- lupa's own code must never meet the memory limit
  local answer, texts = transport.unpacked(host.ask(bytes))
  host.arm()
  if answer.stop then native.die(answer.stop) end
  return answer, texts
end

-- Send a request with a header as JSON, and return the reply's header and texts.
function transport.ask(head, texts)
  native.flush()
  local answer, pieces = answered(payload(head, texts, native.records.released()))
  if answer.error then native.raise_failure(answer.error) end
  return answer, pieces
end

-- Send a request with a header as a table. A value without a JSON form is the script's mistake.
function native.ask(header, texts)
  for key, value in next, header do
    if type(value) == "string" and #value > LONG then header[key] = native.clipped(value, LONG) end
  end
  local ok, head = pcall(json.write, header)
  if ok then return transport.ask(head, texts) end
  if type(head) ~= "table" then error(head, 0) end
  native.raise(head.json)
end

-- Begin a call, described by JSON without its braces. `transport.next` will return its result under this id.
function transport.begin(id, said, texts)
  local call = { id = id, head = format('{"id":%d,"texts":%d,%s}', id, #texts, said), texts = texts }
  changing = true
  begun[#begun + 1] = call
  for _, piece in ipairs(texts) do begun_bytes = begun_bytes + #piece end
  changing = false
  if due or begun_bytes > BEGUN then native.flush() end
end

-- Count the items of a new list for the progress display; they are reported with its calls. `transport.settle` ends the
-- list, and takes the items back if it made no calls.
function transport.expect(items)
  local before = { coming = coming, done = done, told = told }
  coming = coming + items
  return before
end

function transport.item_done() done = done + 1 end

function transport.settle(before)
  if told == before.told then coming, done = before.coming, before.done end
end

-- Cancel calls, given as a set of ids. Those that were not sent yet are never sent.
function transport.drop(ids)
  changing = true
  local still = {}
  for _, call in ipairs(begun) do
    if ids[call.id] then ids[call.id] = nil else still[#still + 1] = call end
  end
  begun = still
  changing = false
  local known = json.array_of({})
  for id in next, ids do known[#known + 1] = id end
  if #known > 0 then native.tell({ kind = "drop", ids = known }) end
end

-- Wait until a begun call has finished. Return the results of all finished calls, and their texts.
function transport.next()
  if buffered > 0 then native.flush() end
  changing = true
  local bytes = batch("next", native.records.released())
  changing = false
  local answer, texts = answered(bytes)
  return answer.answers, texts
end

function native.input(wanted)
  local answer, texts = native.ask({ kind = "input", format = wanted })
  if answer.ended then return nil end
  return texts[1]
end

-- End a request, resetting the state in case the script was stopped in the middle of printing.
function transport.finish()
  changing, begun, begun_bytes, coming, done = false, {}, 0, 0, 0
  native.flush(EAGER)
end

return transport
