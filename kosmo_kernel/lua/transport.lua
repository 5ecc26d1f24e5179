-- Talking to the parent: what is printed, questions and their answers, and calls that are begun.
--
-- A payload is a JSON header, its length in front, followed by texts whose lengths the header gives. Output is sent in
-- pieces. A question waits for its answer. A call that is begun wants none at once: several are sent together, at the
-- latest when an answer is asked for, or when the hook sees that they have lain for a while.

local native, host, json = ...
local concat, format, pack, sub, unpack = table.concat, string.format, string.pack, string.sub, string.unpack
local error, ipairs, next, pcall, type = error, ipairs, next, pcall, type

local PIECES, BYTES = 8192, 65536 -- of output that are kept back
local MOST = 8 << 20 -- bytes of one piece of output; the parent cuts all that a run prints at a fraction of it
local BEGUN = 1 << 20 -- bytes of texts of calls that are begun, which are sent at once
local LONG = 1 << 16 -- bytes of a text in a question's header; no name of anything is as long
local EAGER = 8 -- pieces that are not, in each tenth of a second: a long step in C may follow, in which nothing is sent

local transport = {}

-- A header's JSON with the lists that Lua has dropped and the lengths of the texts, and the texts.
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

local buffer, buffered, current, eager = {}, 0, nil, EAGER -- what was printed; pieces that may still go out at once
local begun, begun_bytes = {}, 0 -- calls that were begun: { id, head (its JSON), texts }; bytes of their texts
local coming, done, told = 0, 0, 0 -- items begun and done that the parent was not told of yet; how often it was told
-- All of these change while the hook is on, and the hook may want to flush at any instruction: while they are being
-- changed it only leaves word.
local changing, due = false, false

-- The calls that were begun, as a payload of this kind.
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

-- Send what was kept back; then, where that is said, so many `more` pieces may go out at once.
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

-- A tenth of a second is over.
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

-- Tell the parent something that wants no answer, in order with what was printed.
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

-- Ask the parent, with a header as JSON, and wait for the answer: its header, and its texts.
function transport.ask(head, texts)
  native.flush()
  local answer, pieces = answered(payload(head, texts, native.records.released()))
  if answer.error then native.raise_failure(answer.error) end
  return answer, pieces
end

-- The same with a header as a table. What has no JSON form is the script's mistake.
function native.ask(header, texts)
  for key, value in next, header do
    if type(value) == "string" and #value > LONG then header[key] = native.clipped(value, LONG) end
  end
  local ok, head = pcall(json.write, header)
  if ok then return transport.ask(head, texts) end
  if type(head) ~= "table" then error(head, 0) end
  native.raise(head.json)
end

-- Begin a call, described in JSON without its braces. Its answer, under this id, will be one of those of `next`.
function transport.begin(id, said, texts)
  local call = { id = id, head = format('{"id":%d,"texts":%d,%s}', id, #texts, said), texts = texts }
  changing = true
  begun[#begun + 1] = call
  for _, piece in ipairs(texts) do begun_bytes = begun_bytes + #piece end
  changing = false
  if due or begun_bytes > BEGUN then native.flush() end
end

-- For people who watch: a list of so many items is begun. They are told of with its calls; `settle` when it is over, so
-- that a list without calls is none to wait for.
function transport.expect(items)
  local before = { coming = coming, done = done, told = told }
  coming = coming + items
  return before
end

function transport.item_done() done = done + 1 end

function transport.settle(before)
  if told == before.told then coming, done = before.coming, before.done end
end

-- Nobody waits any more for these calls, a set of ids: those that the parent does not know yet it never hears of.
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

-- Wait until calls that were begun are answered: the answers of all that were, and their texts.
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

-- A request is over; a script that was stopped in the midst of printing leaves it half done.
function transport.finish()
  changing, begun, begun_bytes, coming, done = false, {}, 0, 0, 0
  native.flush(EAGER)
end

return transport
