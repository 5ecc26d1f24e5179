-- Limits and interrupts that a script cannot swallow.
--
-- Scripts run in coroutines with a count hook, so that trusted code runs without one. The hook asks the
-- worker (a clock, a flag) every thousand instructions. Once a reason to stop exists it is latched in
-- `dead`: the hook then fires at every instruction, and the wrapped `pcall`, `xpcall` and coroutine
-- functions raise it again instead of returning, so no script can catch it for longer than one step.

local native, host = ...
local create, resume, running, status = coroutine.create, coroutine.resume, coroutine.running, coroutine.status
local yield, close, isyieldable = coroutine.yield, coroutine.close, coroutine.isyieldable
local pcall, xpcall, error, select, type = pcall, xpcall, error, select, type
local gethook, sethook, collectgarbage = debug.gethook, debug.sethook, collectgarbage

local EVERY = 1000 -- instructions between two looks at the clock
local FEW = 5 -- likewise, where instructions take long: each may be a step in C over megabytes
local FLUSH, INTERRUPTED, SLOW = 1, 2, 4 -- answers of host.tick; 0 is to go on, any other that time is up

local limits = {}
local failed = 0 -- protected calls that came back with an error
local turns = 0 -- times that a coroutine was entered
local main -- the coroutine that runs now
local dead -- why it must end: { stop, line }
-- What is raised then. A script may get hold of it (in a `__close`), so it says nothing and cannot be changed.
local STOP = debug.setmetatable({}, native.register {
  __metatable = false, kind = "stop",
  __tostring = function() return "the script was stopped" end,
  __newindex = function() error("this table cannot be changed", 2) end,
})
local armed = { memory = 0, calls = 0 }

local function out_of_memory() return { stop = "memory_limit" } end

-- What the worker answered to a look at the clock.
local function notice(answer)
  if answer == FLUSH then native.flush()
  elseif answer ~= 0 and answer ~= SLOW then
    dead = { stop = answer == INTERRUPTED and "interrupted" or "cpu_limit", line = native.user_line(4) }
  end
end

local function hook()
  if not dead then
    local answer = host.tick()
    notice(answer)
    local _, _, every = gethook()
    local wanted = answer == SLOW and FEW or every * 2 < EVERY and every * 2 or EVERY
    if every ~= wanted and not dead then sethook(running(), hook, "", wanted) end
  end
  if not dead then return end
  sethook(running(), hook, "", 1)
  error(STOP, 0)
end

-- Raise what has been latched, if anything; called wherever a protected call came back.
local function after(ok, problem, ...)
  if dead then error(STOP, 0) end
  if ok then return ok, problem, ... end
  if problem == "not enough memory" then
    dead = out_of_memory()
    error(STOP, 0)
  end
  -- At the last level of the C stack a script still runs but its hook cannot be called: there a loop around
  -- `pcall` is noticed here.
  failed = failed + 1
  if failed % 16 == 0 then
    notice(host.tick())
    if dead then error(STOP, 0) end
  end
  local text, facts = native.failure(problem)
  if facts then return false, text, facts end
  return false, text
end

function limits.pcall(...)
  if select("#", ...) == 0 then native.raise("bad argument #1 to 'pcall' (value expected)") end
  return after(pcall(...))
end

function limits.xpcall(f, handler, ...)
  if type(handler) ~= "function" then native.raise("bad argument #2 to 'xpcall' (function expected)") end
  return after(xpcall(f, function(problem)
    if dead then return problem end
    return handler(native.failure(problem))
  end, ...))
end

-- Each coroutine counts its instructions anew, so many short ones would never come to a look at the clock.
local function take_turn()
  turns = turns + 1
  if turns % 64 == 0 then
    notice(host.tick())
    if dead then error(STOP, 0) end
  end
end

function limits.create(f)
  if type(f) ~= "function" then native.raise("bad argument #1 to 'create' (function expected)") end
  local thread = create(f)
  sethook(thread, hook, "", EVERY)
  return thread
end

function limits.resume(thread, ...)
  if type(thread) ~= "thread" then native.raise("bad argument #1 to 'resume' (coroutine expected)") end
  take_turn()
  return after(resume(thread, ...))
end

local function passed(thread, ok, problem, ...)
  if dead then error(STOP, 0) end
  if ok then return problem, ... end
  close(thread)
  if dead then error(STOP, 0) end
  error(problem, 0)
end

function limits.wrap(f)
  local thread = limits.create(f)
  return function(...)
    take_turn()
    return passed(thread, resume(thread, ...))
  end
end

function limits.yield(...)
  if running() == main then native.raise("attempt to yield from outside a coroutine") end
  return yield(...)
end

function limits.running()
  local thread = running()
  return thread, thread == main
end

function limits.isyieldable() return running() ~= main and isyieldable() end

function limits.close(thread)
  if type(thread) ~= "thread" then native.raise("bad argument #1 to 'close' (coroutine expected)") end
  local state = status(thread)
  if state == "running" or state == "normal" then native.raise("cannot close a " .. state .. " coroutine") end
  return after(close(thread))
end

limits.status = status

-- Call one of our own functions without the hook, which more than doubles its time. Only for work whose size
-- is bounded, since nothing can stop it, and which raises nothing.
function limits.steady(f, ...)
  local thread = running()
  sethook(thread)
  local result = f(...)
  if main then sethook(thread, hook, "", EVERY) end
  return result
end

-- Something outside Lua found a reason to stop (an interrupt while a call was waiting).
function limits.die(stop)
  dead = dead or { stop = stop, line = native.user_line(3) }
  error(STOP, 0)
end

-- A script makes one more call.
function limits.count_call()
  armed.calls = armed.calls - 1
  if armed.calls < 0 then limits.die("call_limit") end
end

-- A request starts: its clock runs, and so many bytes and calls are its own.
function limits.begin(cpu, memory, calls)
  dead, armed.memory, armed.calls = nil, memory, calls
  host.begin(cpu, memory)
end

function limits.finish() host.end_run() end

-- Our own long work looks at the clock itself, having no hook.
function native.look()
  if main and not dead then notice(host.tick()) end
  if dead then error(STOP, 0) end
end

-- Run a function under the limits of the request. `with.hook` says that it is, or calls, a script's code.
-- Returns a table: the coroutine `thread`; then `values`, packed, or `problem`, and `why` it had to stop if it had to.
function limits.run(f, with, ...)
  local ran = {}
  main = create(function(...) ran.values = table.pack(f(...)) end)
  ran.thread = main
  if with.hook then sethook(main, hook, "", FEW) end -- a script that starts slowly is looked at soon
  host.arm()
  local ok, problem = resume(main, ...) -- nothing here may need memory before the limit is lifted again
  host.disarm()
  sethook(main)
  main = nil
  if not ok and problem == "not enough memory" then dead = out_of_memory() end
  if not ok then ran.values, ran.problem = nil, problem end
  ran.why, dead = dead, nil
  if ran.why then ran.values = nil end
  return ran
end

-- Whether what a stopped script left behind would starve the next one. Whoever holds its coroutine lets go of it first.
function limits.is_full()
  collectgarbage()
  return collectgarbage("count") * 1024 > armed.memory * 0.75
end

return limits
