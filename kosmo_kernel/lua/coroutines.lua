-- The coroutine functions of scripts, and the coroutines that run the tasks of `parallel.map`.
--
-- A task that waits for a call yields to the loop that runs it (`parallel.lua`). Between the two there may be
-- coroutines of the script, nested in one another. They then yield WAIT instead of a value of the script. The functions
-- here pass it outward, coroutine by coroutine, and the loop resumes them inward in the same way. Meanwhile such a
-- coroutine is suspended for Lua but running for the script: it is in `held`, and cannot be resumed or closed.
-- `open` has the coroutines from which every level can yield to the loop. In all others (below a sort comparator, a
-- gsub callback, or an `__index` called from C) a call blocks, which is correct but not parallel.

local native, limits = ...
local resume, running, status = coroutine.resume, coroutine.running, coroutine.status
local yield, close, isyieldable = coroutine.yield, coroutine.close, coroutine.isyieldable
local error, rawequal, type = error, rawequal, type
local after, living, passed, take_turn = limits.after, limits.living, limits.passed, limits.take_turn

local WAIT, TASK = {}, {} -- never visible to scripts
local BUSY = "cannot resume non-suspended coroutine"
local OVER = "nobody waits for this call any more, since its parallel.map has ended"

local open, held = nil, {} -- `open` is nil while no tasks run; `held[inner]` is its resumer, or false for a task

-- Handle the results of a resumed coroutine: while it waits, yield outward and then resume it again. The values are
-- passed as varargs here and below, because yielding no value differs from yielding nil.
local function came_out(thread, ok, ...)
  local first, ticket = ...
  if ok and rawequal(first, WAIT) then
    local now = held
    now[thread] = running()
    yield(WAIT, ticket)
    if now ~= held then native.raise(OVER) end -- a script kept the coroutine and resumed it in another run
    now[thread] = nil
    return came_out(thread, resume(thread))
  end
  if open then open[thread] = nil end
  return ok, ...
end

local function enter(thread, ...)
  if not open then return resume(thread, ...) end
  if held[thread] ~= nil then return false, BUSY end
  if status(thread) ~= "suspended" then return resume(thread, ...) end -- returns Lua's own error message
  open[thread] = isyieldable() and open[running()] and true or nil
  return came_out(thread, resume(thread, ...))
end

local function is_outermost(thread) return limits.is_main(thread) or (open and open[thread] == TASK) or false end

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
  return after(enter(thread, ...))
end

local function value_or_raise(thread, ok, ...)
  local problem = ...
  passed(ok, problem)
  if ok then return ... end
  if status(thread) == "dead" then close(thread) end -- closes its to-be-closed variables
  living()
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
  if held[thread] ~= nil then return "normal" end
  return status(thread)
end

function limits.close(thread)
  coroutine_or_raise(thread, "close")
  local state = limits.status(thread)
  if state == "running" or state == "normal" then native.raise("cannot close a " .. state .. " coroutine") end
  return after(close(thread))
end

-- For the loop ---------------------------------------------------------------------------------------------

local tasks = { WAIT = WAIT }

-- Start or finish a loop of tasks. After the end, no waiting task is resumed.
function tasks.begin() open, held = {}, {} end
function tasks.finish() open, held = nil, {} end

-- Return a new coroutine for a task.
function tasks.create(f)
  local thread = limits.hooked(f)
  open[thread] = TASK
  return thread
end

local function stepped(thread, ok, first, ticket)
  passed(ok, first)
  if ok and rawequal(first, WAIT) then
    held[thread] = false
    return WAIT, ticket
  end
  open[thread] = nil
  return ok, first
end

-- Resume a task's coroutine. Return WAIT and the ticket that it waits for; or whether it succeeded, and its value or
-- error.
function tasks.advance(thread, ...)
  take_turn()
  held[thread] = nil
  return stepped(thread, resume(thread, ...))
end

function tasks.is_dead(thread) return status(thread) == "dead" end

-- Return whether the running coroutine can wait without blocking other tasks.
function tasks.may_wait() return open ~= nil and open[running()] and isyieldable() or false end

-- Wait until the loop has set the ticket's answer.
function tasks.wait(ticket)
  ticket.thread = running()
  yield(WAIT, ticket)
  if not ticket.answer then native.raise(OVER) end
end

-- Close a task: the waiting coroutine `thread`, and outward those that resumed it, with their to-be-closed variables.
function tasks.close(thread)
  while thread do
    local outer = held[thread]
    held[thread], open[thread] = nil, nil
    passed(close(thread))
    thread = outer
  end
end

return tasks
