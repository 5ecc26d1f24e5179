-- Limits and interrupts that a script cannot swallow.
--
-- Scripts run in coroutines with a count hook, so that trusted code runs without one. The hook asks the
-- worker (a clock, a flag) every thousand instructions. Once a reason to stop exists it is latched in
-- `dead`: the hook then fires at every instruction, and the wrapped `pcall`, `xpcall` and coroutine
-- functions (`coroutines.lua`) raise it again instead of returning, so no script can catch it for longer than one step.

local native, host = ...
local create, resume, running = coroutine.create, coroutine.resume, coroutine.running
local pcall, xpcall, error, select, type = pcall, xpcall, error, select, type
local gethook, sethook, getinfo, collectgarbage = debug.gethook, debug.sethook, debug.getinfo, collectgarbage

local EVERY = 1000 -- instructions between two looks at the clock
local FEW = 5 -- likewise, where instructions take long: each may be a step in C over megabytes
-- Calls in one another. `lua_sethook` marks each of them (ldebug.c), so that in a deep recursion, which is slow for that
-- very reason, to change the interval again and again would take minutes. There it stays as it is.
local DEEP = 2000
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
local memory = 0 -- bytes that the request may use

local function out_of_memory() return { stop = "memory_limit" } end

-- A reason to stop, with the line, and where that is in a coroutine the way to it.
local function stop_here(stop)
  local thread = running()
  return { stop = stop, line = native.user_line(4), way = thread ~= main and native.stack(thread) or nil }
end

-- What the worker answered to a look at the clock.
local function notice(answer)
  if answer == FLUSH then native.breathe()
  elseif answer ~= 0 and answer ~= SLOW then
    dead = stop_here(answer == INTERRUPTED and "interrupted" or "cpu_limit")
  end
end

local function hook()
  if not dead then
    local answer = host.tick()
    notice(answer)
    local _, _, every = gethook()
    local wanted = answer == SLOW and FEW or every * 2 < EVERY and every * 2 or EVERY
    if every ~= wanted and not dead and not getinfo(DEEP, "l") then sethook(running(), hook, "", wanted) end
  end
  if not dead then return end
  sethook(running(), hook, "", 1)
  error(STOP, 0)
end

-- Go on only if nothing has been latched.
local function living()
  if dead then error(STOP, 0) end
end
limits.living = living

-- The same, wherever something came back that may have failed for want of memory.
local function passed(ok, problem)
  if dead then error(STOP, 0) end
  if not ok and problem == "not enough memory" then
    dead = out_of_memory()
    error(STOP, 0)
  end
end
limits.passed = passed

-- Raise what has been latched, if anything; called wherever a protected call came back.
local function after(ok, ...)
  local problem = ...
  passed(ok, problem)
  if ok then return ok, ... end
  -- At the last level of the C stack a script still runs but its hook cannot be called: there a loop around
  -- `pcall` is noticed here.
  failed = failed + 1
  if failed % 16 == 0 then
    notice(host.tick())
    living()
  end
  local text, facts = native.failure(problem)
  if facts then return false, text, facts end
  return false, text
end
limits.after = after

function limits.pcall(...)
  if select("#", ...) == 0 then native.raise("bad argument #1 to 'pcall' (value expected)") end
  return after(pcall(...))
end

function limits.xpcall(f, handler, ...)
  if type(handler) ~= "function" then native.raise("bad argument #2 to 'xpcall' (function expected)") end
  return after(xpcall(f, function(problem)
    if dead then return problem end
    local text, facts = native.failure(problem)
    if facts then return handler(text, facts) end
    return handler(text)
  end, ...))
end

-- Each coroutine counts its instructions anew, so many short ones would never come to a look at the clock.
function limits.take_turn()
  turns = turns + 1
  if turns % 64 == 0 then
    notice(host.tick())
    living()
  end
end

-- A coroutine with the hook.
function limits.hooked(f)
  local thread = create(f)
  sethook(thread, hook, "", EVERY)
  return thread
end

function limits.is_main(thread) return thread == main end

-- Call one of our own functions without the hook, which more than doubles its time. Only for work whose size
-- is bounded, since nothing can stop it, and which raises nothing but want of memory.
function limits.steady(f, ...)
  local thread = running()
  sethook(thread)
  local ok, result = pcall(f, ...)
  if main then sethook(thread, hook, "", EVERY) end
  if ok then return result end
  passed(ok, result)
  error(result, 0)
end

-- Something outside Lua found a reason to stop (an interrupt while a call was waiting).
function limits.die(stop)
  dead = dead or stop_here(stop)
  error(STOP, 0)
end

-- A request starts: its clock runs, and so many bytes are its own.
function limits.begin(cpu, bytes)
  dead, memory = nil, bytes
  host.begin(cpu, bytes)
end

function limits.finish() host.end_run() end

-- Our own long work looks at the clock itself, having no hook.
function native.look()
  if main and not dead then notice(host.tick()) end
  living()
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
  return collectgarbage("count") * 1024 > memory * 0.75
end

return limits
