-- The coroutine functions of scripts, and the coroutines that run the tasks of `parallel.map`.
--
-- A task that waits for a call yields to the loop that runs it (`parallel.lua`). Between the two there may be
-- coroutines of the script, nested in one another. They then yield WAIT instead of a value of the script. The functions
-- here pass it outward, coroutine by coroutine, and the loop resumes them inward in the same way. Meanwhile such a
-- coroutine is suspended for Lua but running for the script: it is in `resumers`, and cannot be resumed or closed.
-- `yieldable` has the coroutines from which every level can yield to the loop. In all others (below a sort comparator,
-- a gsub callback, or an `__index` called from C) a call blocks, which is correct but not parallel.

local native, limits = ...
local resume, running, status = coroutine.resume, coroutine.running, coroutine.status
local yield, close, isyieldable = coroutine.yield, coroutine.close, coroutine.isyieldable
local error, rawequal, type = error, rawequal, type
local script_results, raise_if_stopped = limits.script_results, limits.raise_if_stopped
local check_result, take_turn = limits.check_result, limits.take_turn

local WAIT, TASK = {}, {} -- never visible to scripts
local BUSY_MESSAGE = "cannot resume non-suspended coroutine"
local ENDED_MESSAGE = "nobody waits for this call any more, since its parallel.map has ended"

-- `yieldable` is nil while no tasks run; `resumers[inner]` is its resumer, or false for a task.
local yieldable, resumers = nil, {}

-- Handle the results of a resumed coroutine: while it waits, yield outward and then resume it again. The values are
-- passed as varargs here and below, because yielding no value differs from yielding nil.
local function handle_results(thread, ok, ...)
  local first_value, ticket = ...
  if ok and rawequal(first_value, WAIT) then
    local current_resumers = resumers
    current_resumers[thread] = running()
    yield(WAIT, ticket)
    -- A script may have kept the coroutine and resumed it in another run.
    if current_resumers ~= resumers then native.raise(ENDED_MESSAGE) end
    current_resumers[thread] = nil
    return handle_results(thread, resume(thread))
  end
  if yieldable then yieldable[thread] = nil end
  return ok, ...
end

local function enter(thread, ...)
  if not yieldable then return resume(thread, ...) end
  if resumers[thread] ~= nil then return false, BUSY_MESSAGE end
  if status(thread) ~= "suspended" then return resume(thread, ...) end -- returns Lua's own error message
  yieldable[thread] = isyieldable() and yieldable[running()] and true or nil
  return handle_results(thread, resume(thread, ...))
end

local function is_outermost(thread)
  return limits.is_main(thread) or (yieldable and yieldable[thread] == TASK) or false
end

-- For scripts ----------------------------------------------------------------------------------------------

function limits.create(f)
  if type(f) ~= "function" then native.raise("bad argument #1 to 'create' (function expected)") end
  return limits.hooked(f)
end

local function coroutine_or_raise(thread, name)
  if type(thread) ~= "thread" then native.raise("bad argument #1 to '" .. name .. "' (coroutine expected)") end
end

function limits.resume(thread, ...)
  coroutine_or_raise(thread, "resume")
  take_turn()
  return script_results(enter(thread, ...))
end

local function value_or_raise(thread, ok, ...)
  local problem = ...
  check_result(ok, problem)
  if ok then return ... end
  if status(thread) == "dead" then close(thread) end -- closes its to-be-closed variables
  raise_if_stopped()
  error(problem, 0)
end

function limits.wrap(f)
  local thread = limits.create(f)
  return function(...)
    take_turn()
    return value_or_raise(thread, enter(thread, ...))
  end
end

function limits.yield(...)
  if is_outermost(running()) then native.raise("attempt to yield from outside a coroutine") end
  return yield(...)
end

function limits.running()
  local thread = running()
  return thread, is_outermost(thread)
end

function limits.isyieldable() return not is_outermost(running()) and isyieldable() end

function limits.status(thread)
  coroutine_or_raise(thread, "status")
  if resumers[thread] ~= nil then return "normal" end
  return status(thread)
end

function limits.close(thread)
  coroutine_or_raise(thread, "close")
  local state = limits.status(thread)
  if state == "running" or state == "normal" then native.raise("cannot close a " .. state .. " coroutine") end
  return script_results(close(thread))
end

-- For the loop ---------------------------------------------------------------------------------------------

local tasks = { WAIT = WAIT }

-- Start or finish a loop of tasks. After the end, no waiting task is resumed.
function tasks.begin() yieldable, resumers = {}, {} end
function tasks.finish() yieldable, resumers = nil, {} end

-- Return a new coroutine for a task.
function tasks.create(f)
  local thread = limits.hooked(f)
  yieldable[thread] = TASK
  return thread
end

local function handle_step(thread, ok, first_value, ticket)
  check_result(ok, first_value)
  if ok and rawequal(first_value, WAIT) then
    resumers[thread] = false
    return WAIT, ticket
  end
  yieldable[thread] = nil
  return ok, first_value
end

-- Resume a task's coroutine. Return WAIT and the ticket that it waits for; or whether it succeeded, and its value or
-- error.
function tasks.advance(thread, ...)
  take_turn()
  resumers[thread] = nil
  return handle_step(thread, resume(thread, ...))
end

function tasks.is_dead(thread) return status(thread) == "dead" end

-- Return whether the running coroutine can wait without blocking other tasks.
function tasks.may_wait() return yieldable ~= nil and yieldable[running()] and isyieldable() or false end

-- Wait until the loop has set the ticket's answer.
function tasks.wait(ticket)
  ticket.thread = running()
  yield(WAIT, ticket)
  if not ticket.answer then native.raise(ENDED_MESSAGE) end
end

-- Close a task: the waiting coroutine `thread`, and outward those that resumed it, with their to-be-closed variables.
function tasks.close(thread)
  while thread do
    local resumer = resumers[thread]
    resumers[thread], yieldable[thread] = nil, nil
    check_result(close(thread))
    thread = resumer
  end
end

return tasks
