-- `parallel.map`: call a function for every item of a list, several at a time, and return the results in order.
--
-- Each item is a task: a coroutine that waits for its calls while others run. The outermost `parallel.map` runs the
-- loop. One inside a task adds its items to that loop and waits as for a call, so that all tasks belong to one flat
-- loop at any depth of nesting. Where Lua cannot yield, it runs a loop of its own, and calls block. The loop first
-- resumes tasks whose call has finished, then starts new ones while few calls are in progress, from the newest list
-- first, so that there are never many more tasks than calls. Then it waits for calls to finish.
--
-- If several items fail, the first in the list counts, as in a plain loop: items before it are still waited for, items
-- after it are cancelled at once, and no new ones are started.

local native, json, tasks, transport, positions = ...
local error, ipairs, next, pcall, rawequal, rawget, type = error, ipairs, next, pcall, rawequal, rawget, type
local byte, format, concat, sort = string.byte, string.format, table.concat, table.sort
local mathtype, min, tointeger = math.type, math.min, math.tointeger
local WAIT = tasks.WAIT

local AT_ONCE, MOST = 16, 64 -- concurrent tasks of one list: default and maximum
local UNDER_WAY = 64 -- calls in progress at which no new task is started
local TOLD, FEW = 2000, 100 -- bytes of a collected failure's message; collected failures that are sent to the parent

local loop -- the running loop: its ready tasks, its lists with items left, and its number of calls in progress
local pending, under_way, last = {}, 0, 0 -- the ticket of each call in progress by id, their number, and the last id

-- Start or end a request: forget all calls and tasks of the last one.
local function forget()
  tasks.finish()
  loop, pending, under_way, last = nil, {}, 0, 0
end

-- Tasks ----------------------------------------------------------------------------------------------------

-- Mark the task of a ticket as ready. The ticket has no task if the stack had no room even for waiting.
local function ready(ticket)
  if not ticket.task then return end
  local own = ticket.task.loop
  own.last = own.last + 1
  own.ready[own.last] = ticket.task
end

local function next_ready(own)
  if own.first > own.last then return nil end
  local task = own.ready[own.first]
  own.ready[own.first] = nil
  own.first = own.first + 1
  return task
end

-- Add a list that has items left to start.
local function offer(own, map)
  if map.offered or map.following > map.count then return end
  map.offered = true
  own.lists[#own.lists + 1] = map
end

-- Return the newest list with an item that may be started, or nil.
local function newest(own)
  local lists = own.lists
  while #lists > 0 do
    local map = lists[#lists]
    if map.following <= map.count and map.alive < map.limit then return map end
    lists[#lists], map.offered = nil, false
  end
end

local function forget_task(task)
  local map = task.map
  map.tasks[task.index], map.alive = nil, map.alive - 1
end

local function is_over(map) return map.alive == 0 and map.following > map.count end

-- Handle the end of a task: start another item of its list, or resume the task that waits for the list.
local function left(task)
  local map = task.map
  if map.is_outermost then transport.item_done() end
  if not is_over(map) then return offer(task.loop, map) end
  if map.ticket then
    map.ticket.answer = true
    ready(map.ticket)
  end
end

-- Remove a task and the tasks started inside it, and collect the coroutines to close and the calls to drop.
local function detach(task, threads, calls)
  task.gone = true
  forget_task(task)
  local ticket = task.ticket
  if ticket and ticket.map then
    for index = 1, ticket.map.following - 1 do
      local inner = ticket.map.tasks[index]
      if inner then detach(inner, threads, calls) end
    end
    ticket.map.following = ticket.map.count + 1
  elseif ticket and pending[ticket.id] then
    pending[ticket.id], under_way, task.loop.under_way = nil, under_way - 1, task.loop.under_way - 1
    calls[ticket.id] = true
  end
  threads[#threads + 1] = ticket and ticket.thread or task.thread
end

-- Cancel the tasks after an item of a list.
local function give_up(map, index)
  local threads, calls = {}, {}
  for behind = index + 1, map.following - 1 do
    if map.tasks[behind] then detach(map.tasks[behind], threads, calls) end
  end
  map.following, map.count = index + 1, index -- so that no new task is started
  transport.drop(calls)
  for i = 1, #threads do tasks.close(threads[i]) end
end

local function failed(task, problem)
  local map, index = task.map, task.index
  local caught = positions.caught(task.thread, problem)
  forget_task(task)
  tasks.close(task.ticket and task.ticket.thread or task.thread)
  caught.index = index
  if map.failures then
    map.failures[#map.failures + 1] = caught
  else
    map.failed = caught -- replaces an earlier failure, which was of a later item
    give_up(map, index)
  end
  left(task)
end

local function stepped(task, ok, value)
  if ok == WAIT then
    task.ticket, value.task = value, task
  elseif ok then
    local map = task.map
    if value == nil then value = json.null end
    map.results[task.index] = value
    forget_task(task)
    left(task)
  else
    failed(task, value)
  end
end

local function go_on(task)
  local ticket = task.ticket
  task.ticket = nil
  local ok, value = tasks.advance(task.thread)
  if not ok and not tasks.is_dead(task.thread) then task.ticket = ticket end -- the stack had no room to resume it
  stepped(task, ok, value)
end

local function start(own, map)
  local index = map.following
  map.following, map.alive = index + 1, map.alive + 1
  local task = { loop = own, map = map, index = index, thread = tasks.create(map.f) }
  map.tasks[index] = task
  if map.alone then return stepped(task, tasks.advance(task.thread, map.items[index])) end
  stepped(task, tasks.advance(task.thread, map.items[index], index))
end

-- Wait for calls to finish, and mark the tasks that wait for them as ready.
local function hear()
  local answers, texts = transport.next()
  for i = 1, #answers do
    local answer = answers[i]
    local ticket = pending[answer.id]
    if ticket then
      pending[answer.id], under_way, ticket.loop.under_way = nil, under_way - 1, ticket.loop.under_way - 1
      ticket.answer, ticket.texts = answer, texts
      ready(ticket)
    end
  end
end

local function drive(own, map)
  while not is_over(map) do
    local task = next_ready(own)
    if task then
      if not task.gone then go_on(task) end
    else
      local list = (under_way < UNDER_WAY or own.under_way == 0) and newest(own)
      if list then start(own, list)
      elseif own.under_way > 0 then hear()
      else error("parallel.map: no task can go on", 0) end
    end
  end
end

-- Run a loop until all items of a list are done.
local function run(map)
  local outer = loop
  local own = { ready = {}, first = 1, last = 0, lists = {}, under_way = 0 }
  map.is_outermost = not outer
  local before
  if not outer then
    tasks.begin()
    before = transport.expect(map.count)
  end
  loop = own
  offer(own, map)
  local ok, problem = pcall(drive, own, map)
  native.passed(ok, problem)
  if not ok then give_up(map, 0) end -- the stack had no room for the loop itself
  loop = outer
  if not outer then
    tasks.finish()
    transport.settle(before)
    pending, under_way = {}, 0
  end
  if not ok then error(problem, 0) end
end

-- Calls ----------------------------------------------------------------------------------------------------

-- Make a call, described by JSON without its braces, and return the reply and its texts.
function native.call(said, texts)
  if not tasks.may_wait() then return transport.ask('{"kind":"call",' .. said .. "}", texts) end
  last = last + 1
  local ticket = { id = last, loop = loop }
  transport.begin(last, said, texts)
  pending[last], under_way, loop.under_way = ticket, under_way + 1, loop.under_way + 1
  tasks.wait(ticket)
  local answer = ticket.answer
  if answer.error then native.raise_failure(answer.error) end
  return answer, ticket.texts
end

-- For scripts ----------------------------------------------------------------------------------------------

local NAME = "parallel.map"
local OPTIONS = { "errors", "limit" }

-- Return the type of a wrong argument for an error message.
local function said(value)
  if value == nil then return "nil" end
  if rawequal(value, json.null) then return "null" end
  return "a " .. (native.is_namespace(value) and "namespace" or type(value))
end

-- Return the items of a list, and their number.
local function items_of(list)
  if type(list) ~= "table" or rawequal(list, json.null) or native.is_namespace(list) then
    native.raise(format("%s: a list is needed first, got %s", NAME, said(list)))
  end
  local items, count = {}, 0
  while true do
    local item = list[count + 1]
    if item == nil then break end
    count = count + 1
    items[count] = item
  end
  if count == 0 then
    native.touch(list)
    if next(list) ~= nil then native.raise(format("%s: a list is needed first, got a table of named fields", NAME)) end
  end
  return items, count
end

-- Return the edit distance between two words (Levenshtein).
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local before = row[0]
    row[0] = i
    for j = 1, #b do
      local above = row[j]
      row[j] = min(above + 1, row[j - 1] + 1, before + (byte(a, i) == byte(b, j) and 0 or 1))
      before = above
    end
  end
  return row[#b]
end

local function unknown(name)
  if type(name) ~= "string" then return format("there is no option that is a %s", type(name)) end
  local shown = native.clipped(name, 40)
  for _, known in ipairs(OPTIONS) do
    if distance(shown:lower(), known) <= 3 then return format("there is no option `%s` (did you mean `%s`?)", shown, known) end
  end
  return format("there is no option `%s`", shown)
end

-- Return the number of concurrent items, and whether failures are collected.
local function options_of(options)
  if options == nil then return AT_ONCE, false end
  if type(options) ~= "table" then native.raise(format("%s: the options must be a table, got %s", NAME, said(options))) end
  native.touch(options)
  local faults = {}
  for name in next, options do
    if name ~= "limit" and name ~= "errors" and #faults < 5 then faults[#faults + 1] = unknown(name) end
  end
  sort(faults)
  local limit, errors = rawget(options, "limit"), rawget(options, "errors")
  local whole = limit == nil and AT_ONCE or mathtype(limit) and tointeger(limit)
  if not whole or whole < 1 then faults[#faults + 1] = "`limit` must be a number of items at a time, 1 or more" end
  if errors ~= nil and errors ~= "collect" and errors ~= "raise" then
    faults[#faults + 1] = '`errors` must be "collect" or "raise"'
  end
  if #faults > 0 then native.raise(format("%s: %s", NAME, concat(faults, "; "))) end
  return min(whole, MOST), errors == "collect"
end

-- Return the collected failures as records in the order of the list, and send the first of them to the parent.
local function told(failures, total)
  sort(failures, function(a, b) return a.index < b.index end)
  local lines = {}
  for i, caught in ipairs(failures) do
    local facts = caught.facts and json.read(caught.facts) or { type = "lua_runtime" }
    local message = native.clipped(facts.message or native.render(caught.problem), TOLD)
    lines[i] = format(
      '{"index":%d,"type":%s,"status":%s,"id":%s,"message":%s,"request_id":%s}', caught.index, json.write(facts.type),
      json.write(facts.status), json.write(facts.id), json.write(message), json.write(facts.request_id)
    )
  end
  if #lines > 0 then
    local first = concat(lines, ",", 1, min(#lines, FEW))
    native.tell({ kind = "failures", count = #lines, of = total }, { "[" .. first .. "]" })
  end
  return json.read("[" .. concat(lines, ",") .. "]")
end

local parallel = {}

-- Call `f(item, index)` for each item, `limit` at a time (default 16, at most 64). Return a list with the first result
-- of each call, or null where that is nil. A catalogue function as `f` gets only the item. With `errors = "collect"`
-- the list has only the results of successful calls, and a second list describes the failures.
function parallel.map(list, f, options)
  local items, count = items_of(list)
  if type(f) ~= "function" then
    native.raise(format("%s: a function is needed second, got %s", NAME, said(f)))
  end
  local limit, collects = options_of(options)
  local map = {
    items = items, count = count, f = f, alone = native.catalogue_name(f) ~= nil, limit = limit,
    following = 1, alive = 0, tasks = {}, results = json.array_of({}), failures = collects and {} or nil,
  }
  if count > 0 and tasks.may_wait() then
    map.ticket = { map = map }
    offer(loop, map)
    tasks.wait(map.ticket)
  elseif count > 0 then
    run(map)
  end
  if map.failed then positions.raise_again(map.failed, map.failed.index) end
  if not collects then return map.results end
  local worked = json.array_of({})
  for index = 1, count do worked[#worked + 1] = map.results[index] end
  return worked, told(map.failures, count)
end

return { globals = { map = parallel.map }, forget = forget }
