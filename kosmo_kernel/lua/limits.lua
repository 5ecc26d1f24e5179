-- Limits and interrupts that a script cannot catch.
--
-- Scripts run in coroutines with a count hook, so that trusted code can run without one. The hook asks the worker (for
-- the clock and the interrupt flag) every thousand instructions. A reason to stop is kept in `dead`. From then on the
-- hook runs at every instruction, and the wrapped `pcall`, `xpcall` and coroutine functions (`coroutines.lua`) raise
-- the error again instead of returning, so that a script cannot catch it for longer than one step.

local native, host = ...
local create, resume, running = coroutine.create, coroutine.resume, coroutine.running
local pcall, xpcall, error, select, type = pcall, xpcall, error, select, type
local gethook, sethook, getinfo, collectgarbage = debug.gethook, debug.sethook, debug.getinfo, collectgarbage

local EVERY = 1000 -- instructions between two checks of the clock
local FEW = 5 -- the same while instructions are slow; each may be a step in C over megabytes
-- Depth of calls from which the interval stays as it is. `lua_sethook` visits each call (ldebug.c), so that in a deep
-- recursion, which is slow for that reason, changing the interval repeatedly would take minutes.
local DEEP = 2000
local FLUSH, INTERRUPTED, SLOW = 1, 2, 4 -- results of host.tick; 0 means go on, any other that the CPU time is used up

local limits = {}
local failed = 0 -- protected calls that failed
local turns = 0 -- times that a coroutine was resumed
local main -- the coroutine of the current request
local dead -- why it must stop: { stop, line, way }
-- The error that stops a script. A script can get hold of it (in a `__close`), so it is empty and read-only.
local STOP = debug.setmetatable({}, native.register {
  __metatable = false, kind = "stop",
  __tostring = function() return "the script was stopped" end,
  __newindex = function() error("this table cannot be changed", 2) end,
})
local memory = 0 -- the memory limit of the request in bytes

local function out_of_memory() return { stop = "memory_limit" } end

-- Return a reason to stop with the current line and, inside a script's coroutine, its stack.
local function stop_here(stop)
  local thread = running()
  return { stop = stop, line = native.user_line(4), way = thread ~= main and native.stack(thread) or nil }
end

-- Act on a result of host.tick.
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

-- Raise the reason to stop, if there is one.
local function living()
  if dead then error(STOP, 0) end
end
limits.living = living

-- The same after a call that may have run out of memory.
local function passed(ok, problem)
  if dead then error(STOP, 0) end
  if not ok and problem == "not enough memory" then
    dead = out_of_memory()
    error(STOP, 0)
  end
end
limits.passed = passed

-- Return the results of a protected call for the script, or raise the reason to stop.
local function after(ok, ...)
  local problem = ...
  passed(ok, problem)
  if ok then return ok, ... end
  -- At the last level of the C stack a script still runs, but its hook cannot be called. This check stops a loop
  -- around `pcall` there.
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

-- Check the clock at every 64th resume, because each coroutine counts its instructions from 0, and many short ones
-- would never run the hook.
function limits.take_turn()
  turns = turns + 1
  if turns % 64 == 0 then
    notice(host.tick())
    living()
  end
end

-- Return a new coroutine with the hook.
function limits.hooked(f)
  local thread = create(f)
  sethook(thread, hook, "", EVERY)
  return thread
end

function limits.is_main(thread) return thread == main end

-- Call a trusted function without the hook, which more than doubles its time. Only for work of bounded size, since
-- nothing can stop it, and which raises no error but "not enough memory".
function limits.steady(f, ...)
  local thread = running()
  sethook(thread)
  local ok, result = pcall(f, ...)
  if main then sethook(thread, hook, "", EVERY) end
  if ok then return result end
  passed(ok, result)
  error(result, 0)
end

-- Stop the script for a reason from outside Lua, such as an interrupt while a call was waiting.
function limits.die(stop)
  dead = dead or stop_here(stop)
  error(STOP, 0)
end

-- Start a request with these limits.
function limits.begin(cpu, bytes)
  dead, memory = nil, bytes
  host.begin(cpu, bytes)
end

function limits.finish() host.end_run() end

-- Check the clock; for long work of trusted code, which has no hook.
function native.look()
  if main and not dead then notice(host.tick()) end
  living()
end

-- Run a function under the limits of the request. `with.hook` must be true if it is, or calls, a script's code. Returns
-- a table with the coroutine `thread`, the packed `values` or the error `problem`, and `why` it was stopped, if it was.
function limits.run(f, with, ...)
  local ran = {}
  main = create(function(...) ran.values = table.pack(f(...)) end)
  ran.thread = main
  if with.hook then sethook(main, hook, "", FEW) end -- checks a script early that starts with slow instructions
  host.arm()
  local ok, problem = resume(main, ...) -- allocate nothing here before the limit is lifted again
  host.disarm()
  sethook(main)
  main = nil
  if not ok and problem == "not enough memory" then dead = out_of_memory() end
  if not ok then ran.values, ran.problem = nil, problem end
  ran.why, dead = dead, nil
  if ran.why then ran.values = nil end
  return ran
end

-- Return whether the data left by a stopped script fills most of the memory. The caller must drop its coroutine first.
function limits.is_full()
  collectgarbage()
  return collectgarbage("count") * 1024 > memory * 0.75
end

return limits
