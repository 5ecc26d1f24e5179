-- Exchange messages with the parent: printed text, requests and replies, and calls that run in parallel.
--
-- A payload is the length of a JSON header, the header, and texts whose lengths the header gives. Printed text is
-- buffered and sent in pieces. A request waits for its reply. A parallel call is *begun* without waiting: several are
-- sent together, at the latest when a result is needed or when the hook flushes them after a while.

local native, host, json, text = ...
local concat, format, pack, sub, unpack = table.concat, string.format, string.pack, string.sub, string.unpack
local error, ipairs, next, pcall, select, type = error, ipairs, next, pcall, select, type

local MAX_BUFFERED_PIECES, MAX_BUFFERED_LINES = 16384, 8192 -- buffered output: number of pieces or of lines
local MAX_BUFFERED_BYTES = 65536 -- and the bytes of texts
-- Bytes of one piece of output; the parent limits the output of a run to a fraction of it.
local MAX_PIECE_BYTES = 8 << 20
local MAX_UNSENT_BYTES = 1 << 20 -- bytes of texts of begun calls at which they are sent
local MAX_HEADER_TEXT_BYTES = 1 << 16 -- bytes of a text in a request's header; no real name is as long
-- Pieces sent at once per tenth of a second, because nothing can be sent during a long step in C.
local IMMEDIATE_PIECES = 8

local transport = {}

-- Return a payload: the header's JSON with the released lists and the lengths of the texts added, and the texts.
local function payload(header_json, texts, released)
  local blob_lengths = {}
  for i, piece in ipairs(texts or blob_lengths) do blob_lengths[i] = #piece end
  local extra_fields = released and #released > 0 and ',"released":' .. json.write(released) or ""
  if #blob_lengths > 0 then extra_fields = extra_fields .. ',"blobs":[' .. concat(blob_lengths, ",") .. "]" end
  if extra_fields ~= "" then header_json = sub(header_json, 1, -2) .. extra_fields .. "}" end
  return pack(">I4", #header_json) .. header_json .. (texts and concat(texts) or "")
end

function transport.packed(header, texts, released) return payload(json.write(header), texts, released) end

function transport.unpacked(bytes)
  local size = unpack(">I4", bytes)
  local header, texts, position = native.steady(json.read, sub(bytes, 5, 4 + size)), {}, 5 + size
  for i, length in ipairs(header.blobs or {}) do
    texts[i] = sub(bytes, position, position + length - 1)
    position = position + length
  end
  return header, texts
end

-- Printed text: its pieces, their number, bytes and stream; pieces to send at once.
local buffer, buffered_pieces, buffered_bytes, current_stream, immediate_left = {}, 0, 0, nil, IMMEDIATE_PIECES
-- What `print` wrote to `stdout` while nothing else was buffered: numbers and texts without their line ends, how many of
-- them there are, and how many of those were sent. Only below `line_room` may `print` add one. Because it first stores
-- the line and then counts it, and only `print` starts anew, the hook may send these at any instruction.
local lines, line_count, sent_lines, line_room = {}, 0, 0, 0
-- Begun calls that are not sent yet: { id, head (its JSON), texts }; bytes of their texts.
local unsent_calls, unsent_bytes = {}, 0
-- Started and finished items that are not reported yet; the number of reports.
local started_items, finished_items, report_count = 0, 0, 0
-- All others change while the hook is on, and the hook may flush at any instruction. While `is_changing` is true, it
-- only sets `flush_due`.
local is_changing, flush_due = false, false

-- Return the begun calls as a payload of this kind.
local function batch(kind, released)
  local call_headers, texts = {}, {}
  for i, call in ipairs(unsent_calls) do
    call_headers[i] = call.head
    for _, piece in ipairs(call.texts) do texts[#texts + 1] = piece end
  end
  local header_json = format(
    '{"kind":"%s","coming":%d,"done":%d,"begin":[%s]}', kind, started_items, finished_items, concat(call_headers, ",")
  )
  unsent_calls, unsent_bytes, started_items, finished_items, report_count = {}, 0, 0, 0, report_count + 1
  return payload(header_json, texts, released)
end

local function has_text() return buffered_pieces > 0 or line_count > sent_lines end

-- Return the lines that were not sent yet as one text.
local function unsent_lines()
  return line_count > sent_lines and concat(lines, "\n", sent_lines + 1, line_count) .. "\n" or ""
end

-- Send the buffered text and calls. `piece_count` is the number of further pieces that may be sent at once, if it
-- changes.
function native.flush(piece_count)
  immediate_left = piece_count or immediate_left
  line_room = 0
  if is_changing then
    flush_due = true
    return
  end
  flush_due = false
  if immediate_left == 0 and current_stream == "stdout" then line_room = MAX_BUFFERED_LINES end
  if not has_text() and #unsent_calls == 0 then return end
  is_changing = true
  host.disarm()
  if has_text() then
    local piece = concat(buffer, "", 1, buffered_pieces) .. unsent_lines()
    buffer, buffered_pieces, buffered_bytes, sent_lines = {}, 0, 0, line_count
    host.send(payload(format('{"kind":"output","stream":"%s"}', current_stream), { piece }))
  end
  if #unsent_calls > 0 then host.send(batch("begin")) end
  host.arm()
  is_changing = false
end

-- Flush after a tenth of a second.
function native.breathe() native.flush(IMMEDIATE_PIECES) end

function native.out(name, piece)
  if piece == "" then return end
  if #piece > MAX_PIECE_BYTES then piece = sub(piece, 1, MAX_PIECE_BYTES) end
  if name ~= current_stream then native.flush() end
  is_changing = true
  current_stream, line_room = name, 0
  if line_count > sent_lines then piece = unsent_lines() .. piece end
  buffer[buffered_pieces + 1] = piece
  buffered_pieces, buffered_bytes, sent_lines = buffered_pieces + 1, buffered_bytes + #piece, line_count
  is_changing = false
  if immediate_left > 0 then native.flush(immediate_left - 1)
  elseif flush_due or buffered_bytes > MAX_BUFFERED_BYTES or buffered_pieces > MAX_BUFFERED_PIECES then native.flush() end
end

local function print_line(line)
  if line_count == MAX_BUFFERED_LINES then
    native.flush()
    is_changing = true
    line_count, sent_lines = 0, 0 -- the table does not grow further
    is_changing = false
  end
  local position = line_count + 1
  if position > line_room or buffered_bytes + #line > MAX_BUFFERED_BYTES then return native.out("stdout", line .. "\n") end
  lines[position] = line
  line_count, buffered_bytes = position, buffered_bytes + #line + 1
end

-- Write values to `stdout` as one line. A number is buffered as it is: `table.concat` writes it as `tostring` does.
function native.print(...)
  if select("#", ...) == 1 then
    local value, position = ..., line_count + 1
    local kind = type(value)
    if kind == "string" then return print_line(value) end
    if kind == "number" and value == value and position <= line_room then
      lines[position] = value
      line_count = position
      return
    end
  end
  print_line(text.joined(...))
end

-- Send an event, which has no reply, in order with printed text.
function native.tell(header, texts)
  native.flush()
  local bytes = transport.packed(header, texts)
  host.disarm()
  host.send(bytes)
  host.arm()
end

local function exchange(bytes)
  host.disarm() -- lupa's own code must never meet the memory limit
  local response, texts = transport.unpacked(host.ask(bytes))
  host.arm()
  if response.stop then native.die(response.stop) end
  return response, texts
end

-- Send a request with a header as JSON, and return the reply's header and texts.
function transport.ask(header_json, texts)
  native.flush()
  local response, pieces = exchange(payload(header_json, texts, native.records.released()))
  if response.error then native.raise_failure(response) end
  return response, pieces
end

-- Send a request with a header as a table. A value without a JSON form is the script's mistake.
function native.ask(header, texts)
  for key, value in next, header do
    if type(value) == "string" and #value > MAX_HEADER_TEXT_BYTES then
      header[key] = native.clipped(value, MAX_HEADER_TEXT_BYTES)
    end
  end
  local ok, header_json = pcall(json.write, header)
  if ok then return transport.ask(header_json, texts) end
  if type(header_json) ~= "table" then error(header_json, 0) end
  native.raise(header_json.json)
end

-- Begin a call, described by JSON without its braces. `transport.next` will return its result under this id.
function transport.begin(id, call_json, texts)
  local call = { id = id, head = format('{"id":%d,"texts":%d,%s}', id, #texts, call_json), texts = texts }
  is_changing = true
  unsent_calls[#unsent_calls + 1] = call
  for _, piece in ipairs(texts) do unsent_bytes = unsent_bytes + #piece end
  is_changing = false
  if flush_due or unsent_bytes > MAX_UNSENT_BYTES then native.flush() end
end

-- Count the items of a new list for the progress display; they are reported with its calls. `transport.settle` ends the
-- list, and takes the items back if it made no calls.
function transport.expect(items)
  local saved_counts = { started = started_items, finished = finished_items, reports = report_count }
  started_items = started_items + items
  return saved_counts
end

function transport.item_done() finished_items = finished_items + 1 end

function transport.settle(saved_counts)
  if report_count == saved_counts.reports then
    started_items, finished_items = saved_counts.started, saved_counts.finished
  end
end

-- Cancel calls, given as a set of ids. Those that were not sent yet are never sent.
function transport.drop(ids)
  is_changing = true
  local remaining = {}
  for _, call in ipairs(unsent_calls) do
    if ids[call.id] then ids[call.id] = nil else remaining[#remaining + 1] = call end
  end
  unsent_calls = remaining
  is_changing = false
  local sent_ids = json.array_of({})
  for id in next, ids do sent_ids[#sent_ids + 1] = id end
  if #sent_ids > 0 then native.tell({ kind = "drop", ids = sent_ids }) end
end

-- Wait until a begun call has finished. Return the results of all finished calls, and their texts.
function transport.next()
  if has_text() then native.flush() end
  is_changing = true
  local bytes = batch("next", native.records.released())
  is_changing = false
  local response, texts = exchange(bytes)
  return response.answers, texts
end

function native.input(read_format)
  local response, texts = native.ask({ kind = "input", format = read_format })
  if response.ended then return nil end
  return texts[1]
end

-- End a request, resetting the state in case the script was stopped in the middle of printing.
function transport.finish()
  is_changing, unsent_calls, unsent_bytes, started_items, finished_items = false, {}, 0, 0, 0
  native.flush(IMMEDIATE_PIECES)
  lines, line_count, sent_lines = {}, 0, 0
end

return transport
