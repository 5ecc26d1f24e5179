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

local DEFAULT_LIMIT, MAX_LIMIT = 16, 64 -- concurrent tasks of one list: default and maximum
local MAX_PENDING_CALLS = 64 -- calls in progress at which no new task is started
local MAX_MESSAGE_BYTES = 2000 -- bytes of a collected failure's message
local MAX_SENT_FAILURES = 100 -- collected failures that are sent to the parent

local loop -- the running loop: its ready tasks, its lists with items left, and its number of calls in progress
-- The ticket of each call in progress by id, their number, and the last id.
local pending, pending_count, last_id = {}, 0, 0

-- Start or end a request: forget all calls and tasks of the last one.
local function forget()
  tasks.finish()
  loop, pending, pending_count, last_id = nil, {}, 0, 0
end

-- Tasks ----------------------------------------------------------------------------------------------------

-- Mark the task of a ticket as ready. The ticket has no task if the stack had no room even for waiting.
local function mark_ready(ticket)
  if not ticket.task then return end
  local task_loop = ticket.task.loop
  task_loop.last = task_loop.last + 1
  task_loop.ready[task_loop.last] = ticket.task
end

local function next_ready(task_loop)
  if task_loop.first > task_loop.last then return nil end
  local task = task_loop.ready[task_loop.first]
  task_loop.ready[task_loop.first] = nil
  task_loop.first = task_loop.first + 1
  return task
end

-- Add a list that has items left to start.
local function add_list(task_loop, map)
  if map.offered or map.following > map.count then return end
  map.offered = true
  task_loop.lists[#task_loop.lists + 1] = map
end

-- Return the newest list with an item that may be started, or nil.
local function newest_list(task_loop)
  local lists = task_loop.lists
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
local function handle_end(task)
  local map = task.map
  if map.is_outermost then transport.item_done() end
  if not is_over(map) then return add_list(task.loop, map) end
  if map.ticket then
    map.ticket.answer = true
    mark_ready(map.ticket)
  end
end

-- Remove a task and the tasks started inside it, and collect the coroutines to close and the calls to drop.
local function detach(task, threads, calls)
  task.gone = true
  forget_task(task)
  local ticket = task.ticket
  if ticket and ticket.map then
    for index = 1, ticket.map.following - 1 do
      local inner_task = ticket.map.tasks[index]
      if inner_task then detach(inner_task, threads, calls) end
    end
    ticket.map.following = ticket.map.count + 1
  elseif ticket and pending[ticket.id] then
    pending[ticket.id], pending_count, task.loop.under_way = nil, pending_count - 1, task.loop.under_way - 1
    calls[ticket.id] = true
  end
  threads[#threads + 1] = ticket and ticket.thread or task.thread
end

-- Cancel the tasks after an item of a list.
local function cancel_after(map, index)
  local threads, calls = {}, {}
  for later_index = index + 1, map.following - 1 do
    if map.tasks[later_index] then detach(map.tasks[later_index], threads, calls) end
  end
  map.following, map.count = index + 1, index -- so that no new task is started
  transport.drop(calls)
  for i = 1, #threads do tasks.close(threads[i]) end
end

local function handle_failure(task, problem)
  local map, index = task.map, task.index
  local failure = positions.caught(task.thread, problem)
  forget_task(task)
  tasks.close(task.ticket and task.ticket.thread or task.thread)
  failure.index = index
  local is_outage = failure.facts and json.read(failure.facts).outage -- it would fail the other items as well
  if map.failures and not is_outage then
    map.failures[#map.failures + 1] = failure
  else
    map.failed = failure -- replaces an earlier failure, which was of a later item
    cancel_after(map, index)
  end
  handle_end(task)
end

local function handle_step(task, ok, value)
  if ok == WAIT then
    task.ticket, value.task = value, task
  elseif ok then
    local map = task.map
    if value == nil then value = json.null end
    map.results[task.index] = value
    forget_task(task)
    handle_end(task)
  else
    handle_failure(task, value)
  end
end

local function resume_task(task)
  local ticket = task.ticket
  task.ticket = nil
  local ok, value = tasks.advance(task.thread)
  if not ok and not tasks.is_dead(task.thread) then task.ticket = ticket end -- the stack had no room to resume it
  handle_step(task, ok, value)
end

local function start_item(task_loop, map)
  local index = map.following
  map.following, map.alive = index + 1, map.alive + 1
  local task = { loop = task_loop, map = map, index = index, thread = tasks.create(map.f) }
  map.tasks[index] = task
  if map.alone then return handle_step(task, tasks.advance(task.thread, map.items[index])) end
  handle_step(task, tasks.advance(task.thread, map.items[index], index))
end

-- Wait for calls to finish, and mark the tasks that wait for them as ready.
local function receive_responses()
  local responses, texts = transport.next()
  for i = 1, #responses do
    local response = responses[i]
    local ticket = pending[response.id]
    if ticket then
      pending[response.id], pending_count, ticket.loop.under_way = nil, pending_count - 1, ticket.loop.under_way - 1
      ticket.answer, ticket.texts = response, texts
      mark_ready(ticket)
    end
  end
end

local function run_tasks(task_loop, map)
  while not is_over(map) do
    local task = next_ready(task_loop)
    if task then
      if not task.gone then resume_task(task) end
    else
      local list = (pending_count < MAX_PENDING_CALLS or task_loop.under_way == 0) and newest_list(task_loop)
      if list then start_item(task_loop, list)
      elseif task_loop.under_way > 0 then receive_responses()
      else error("parallel.map: no task can go on", 0) end
    end
  end
end

-- Run a loop until all items of a list are done.
local function run_loop(map)
  local outer_loop = loop
  local task_loop = { ready = {}, first = 1, last = 0, lists = {}, under_way = 0 }
  map.is_outermost = not outer_loop
  local saved_progress
  if not outer_loop then
    tasks.begin()
    saved_progress = transport.expect(map.count)
  end
  loop = task_loop
  add_list(task_loop, map)
  local ok, problem = pcall(run_tasks, task_loop, map)
  native.check_result(ok, problem)
  if not ok then cancel_after(map, 0) end -- the stack had no room for the loop itself
  loop = outer_loop
  if not outer_loop then
    tasks.finish()
    transport.settle(saved_progress)
    pending, pending_count = {}, 0
  end
  if not ok then error(problem, 0) end
end

-- Calls ----------------------------------------------------------------------------------------------------

-- Make a call, described by JSON without its braces, and return the reply and its texts.
function native.call(request, texts)
  if not tasks.may_wait() then return transport.ask('{"kind":"call",' .. request .. "}", texts) end
  last_id = last_id + 1
  local ticket = { id = last_id, loop = loop }
  transport.begin(last_id, request, texts)
  pending[last_id], pending_count, loop.under_way = ticket, pending_count + 1, loop.under_way + 1
  tasks.wait(ticket)
  local response = ticket.answer
  if response.error then native.raise_failure(response) end
  return response, ticket.texts
end

-- For scripts ----------------------------------------------------------------------------------------------

local NAME = "parallel.map"
local OPTIONS = { "errors", "limit" }

-- Return the type of a wrong argument for an error message.
local function type_text(value)
  if value == nil then return "nil" end
  if rawequal(value, json.null) then return "null" end
  return "a " .. (native.is_namespace(value) and "namespace" or type(value))
end

-- Return the items of a list, and their number.
local function items_of(list)
  if type(list) ~= "table" or rawequal(list, json.null) or native.is_namespace(list) then
    native.raise(format("%s: a list is needed first, got %s", NAME, type_text(list)))
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
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local above = row[j]
      row[j] = min(above + 1, row[j - 1] + 1, diagonal + (byte(a, i) == byte(b, j) and 0 or 1))
      diagonal = above
    end
  end
  return row[#b]
end

local function unknown_option(name)
  if type(name) ~= "string" then return format("there is no option that is a %s", type(name)) end
  local shown_name = native.clipped(name, 40)
  for _, option in ipairs(OPTIONS) do
    if distance(shown_name:lower(), option) <= 3 then
      return format("there is no option `%s` (did you mean `%s`?)", shown_name, option)
    end
  end
  return format("there is no option `%s`", shown_name)
end

-- Return the number of concurrent items, and whether failures are collected.
local function options_of(options)
  if options == nil then return DEFAULT_LIMIT, false end
  if type(options) ~= "table" then
    native.raise(format("%s: the options must be a table, got %s", NAME, type_text(options)))
  end
  native.touch(options)
  local mistakes = {}
  for name in next, options do
    if name ~= "limit" and name ~= "errors" and #mistakes < 5 then mistakes[#mistakes + 1] = unknown_option(name) end
  end
  sort(mistakes)
  local limit, errors = rawget(options, "limit"), rawget(options, "errors")
  local item_limit = limit == nil and DEFAULT_LIMIT or mathtype(limit) and tointeger(limit)
  if not item_limit or item_limit < 1 then
    mistakes[#mistakes + 1] = "`limit` must be a number of items at a time, 1 or more"
  end
  if errors ~= nil and errors ~= "collect" and errors ~= "raise" then
    mistakes[#mistakes + 1] = '`errors` must be "collect" or "raise"'
  end
  if #mistakes > 0 then native.raise(format("%s: %s", NAME, concat(mistakes, "; "))) end
  return min(item_limit, MAX_LIMIT), errors == "collect"
end

-- Return the collected failures as records in the order of the list, and send the first of them to the parent.
local function failure_records(failures, total)
  sort(failures, function(a, b) return a.index < b.index end)
  local encoded = {}
  for i, failure in ipairs(failures) do
    local facts = failure.facts and json.read(failure.facts) or { type = "lua_runtime" }
    local message = native.clipped(facts.message or native.render(failure.problem), MAX_MESSAGE_BYTES)
    encoded[i] = format(
      '{"index":%d,"type":%s,"status":%s,"id":%s,"message":%s,"request_id":%s}', failure.index, json.write(facts.type),
      json.write(facts.status), json.write(facts.id), json.write(message), json.write(facts.request_id)
    )
  end
  if #encoded > 0 then
    local first = concat(encoded, ",", 1, min(#encoded, MAX_SENT_FAILURES))
    native.tell({ kind = "failures", count = #encoded, of = total }, { "[" .. first .. "]" })
  end
  return json.read("[" .. concat(encoded, ",") .. "]")
end

local parallel = {}

-- Call `f(item, index)` for each item, `limit` at a time (default 16, at most 64). Return a list with the first result
-- of each call, or null where that is nil. A catalogue function as `f` gets only the item. With `errors = "collect"`
-- the list has only the results of successful calls, and a second list describes the failures.
function parallel.map(list, f, options)
  local items, count = items_of(list)
  if type(f) ~= "function" then
    native.raise(format("%s: a function is needed second, got %s", NAME, type_text(f)))
  end
  local limit, collects_failures = options_of(options)
  local map = {
    items = items, count = count, f = f, alone = native.catalogue_name(f) ~= nil, limit = limit,
    following = 1, alive = 0, tasks = {}, results = json.array_of({}), failures = collects_failures and {} or nil,
  }
  if count > 0 and tasks.may_wait() then
    map.ticket = { map = map }
    add_list(loop, map)
    tasks.wait(map.ticket)
  elseif count > 0 then
    run_loop(map)
  end
  if map.failed then positions.raise_again(map.failed, map.failed.index) end
  if not collects_failures then return map.results end
  local successes = json.array_of({})
  for index = 1, count do successes[#successes + 1] = map.results[index] end
  return successes, failure_records(map.failures, count)
end

return { globals = { map = parallel.map }, forget = forget }
