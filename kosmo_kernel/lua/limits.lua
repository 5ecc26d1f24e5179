-- Limits and interrupts that a script cannot catch.
--
-- Scripts run in coroutines with a count hook, so that trusted code can run without one. The hook asks the worker (for
-- the clock and the interrupt flag) every thousand instructions. A reason to stop is kept in `stop_reason`. From then
-- on the hook runs at every instruction, and the wrapped `pcall`, `xpcall` and coroutine functions (`coroutines.lua`)
-- raise the error again instead of returning, so that a script cannot catch it for longer than one step.

local native, host = ...
local create, resume, running = coroutine.create, coroutine.resume, coroutine.running
local pcall, xpcall, error, select, type = pcall, xpcall, error, select, type
local gethook, sethook, getinfo, collectgarbage = debug.gethook, debug.sethook, debug.getinfo, collectgarbage

local CHECK_INTERVAL = 1000 -- instructions between two checks of the clock
local SLOW_CHECK_INTERVAL = 5 -- the same while instructions are slow; each may be a step in C over megabytes
-- Depth of calls from which the interval stays as it is. `lua_sethook` visits each call (ldebug.c), so that in a deep
-- recursion, which is slow for that reason, changing the interval repeatedly would take minutes.
local DEEP_STACK_LEVELS = 2000
local FLUSH, INTERRUPTED, SLOW = 1, 2, 4 -- results of host.tick; 0 means go on, any other that the CPU time is used up

local limits = {}
local failed_calls = 0 -- protected calls that failed
local resume_count = 0 -- times that a coroutine was resumed
local main_thread -- the coroutine of the current request
local stop_reason -- why it must stop: { stop, way }
-- The error that stops a script. A script can get hold of it (in a `__close`), so it is empty and read-only.
local STOP = debug.setmetatable({}, native.register {
  __metatable = false, kind = "stop",
  __tostring = function() return "the script was stopped" end,
  __newindex = function() error("this table cannot be changed", 2) end,
})
local memory_limit = 0 -- the memory limit of the request in bytes

local function out_of_memory() return { stop = "memory_limit" } end

-- Return a reason to stop with, inside a script's coroutine, its stack.
local function stop_here(stop)
  local thread = running()
  return { stop = stop, way = thread ~= main_thread and native.stack(thread) or nil }
end

-- Act on a result of host.tick.
local function handle_tick(tick_result)
  if tick_result == FLUSH then native.breathe()
  elseif tick_result ~= 0 and tick_result ~= SLOW then
    stop_reason = stop_here(tick_result == INTERRUPTED and "interrupted" or "cpu_limit")
  end
end

local function hook()
  if not stop_reason then
    local tick_result = host.tick()
    handle_tick(tick_result)
    local _, _, interval = gethook()
    local new_interval = tick_result == SLOW and SLOW_CHECK_INTERVAL
      or interval * 2 < CHECK_INTERVAL and interval * 2 or CHECK_INTERVAL
    if interval ~= new_interval and not stop_reason and not getinfo(DEEP_STACK_LEVELS, "l") then
      sethook(running(), hook, "", new_interval)
    end
  end
  if not stop_reason then return end
  sethook(running(), hook, "", 1)
  error(STOP, 0)
end

-- Raise the reason to stop, if there is one.
local function raise_if_stopped()
  if stop_reason then error(STOP, 0) end
end
limits.raise_if_stopped = raise_if_stopped

-- The same after a call that may have run out of memory.
local function check_result(ok, problem)
  if stop_reason then error(STOP, 0) end
  if not ok and problem == "not enough memory" then
    stop_reason = out_of_memory()
    error(STOP, 0)
  end
end
limits.check_result = check_result

-- Return the results of a protected call for the script, or raise the reason to stop.
local function script_results(ok, ...)
  local problem = ...
  check_result(ok, problem)
  if ok then return ok, ... end
  -- At the last level of the C stack a script still runs, but its hook cannot be called. This check stops a loop
  -- around `pcall` there.
  failed_calls = failed_calls + 1
  if failed_calls % 16 == 0 then
    handle_tick(host.tick())
    raise_if_stopped()
  end
  local text, facts = native.failure(problem)
  if facts then return false, text, facts end
  return false, text
end
limits.script_results = script_results

function limits.pcall(...)
  if select("#", ...) == 0 then native.raise("bad argument #1 to 'pcall' (value expected)") end
  return script_results(pcall(...))
end

function limits.xpcall(f, handler, ...)
  if type(handler) ~= "function" then native.raise("bad argument #2 to 'xpcall' (function expected)") end
  return script_results(xpcall(f, function(problem)
    if stop_reason then return problem end
    local text, facts = native.failure(problem)
    if facts then return handler(text, facts) end
    return handler(text)
  end, ...))
end

-- Check the clock at every 64th resume, because each coroutine counts its instructions from 0, and many short ones
-- would never run the hook.
function limits.take_turn()
  resume_count = resume_count + 1
  if resume_count % 64 == 0 then
    handle_tick(host.tick())
    raise_if_stopped()
  end
end

-- Return a new coroutine with the hook.
function limits.hooked(f)
  local thread = create(f)
  sethook(thread, hook, "", CHECK_INTERVAL)
  return thread
end

function limits.is_main(thread) return thread == main_thread end

-- Call a trusted function without the hook, which more than doubles its time. Only for work of bounded size, since
-- nothing can stop it, and which raises no error but "not enough memory".
function limits.steady(f, ...)
  local thread = running()
  sethook(thread)
  local ok, result = pcall(f, ...)
  if main_thread then sethook(thread, hook, "", CHECK_INTERVAL) end
  if ok then return result end
  check_result(ok, result)
  error(result, 0)
end

-- Stop the script for a reason from outside Lua, such as an interrupt while a call was waiting.
function limits.die(stop)
  stop_reason = stop_reason or stop_here(stop)
  error(STOP, 0)
end

-- Start a request with these limits.
function limits.begin(cpu, bytes)
  stop_reason, memory_limit = nil, bytes
  host.begin(cpu, bytes)
end

function limits.finish() host.end_run() end

-- Check the clock; for long work of trusted code, which has no hook.
function native.look()
  if main_thread and not stop_reason then handle_tick(host.tick()) end
  raise_if_stopped()
end

-- Run a function under the limits of the request. `options.hook` must be true if it is, or calls, a script's code.
-- Returns a table with the coroutine `thread`, the packed `values` or the error `problem`, and `why` it was stopped, if
-- it was.
function limits.run(f, options, ...)
  local outcome = {}
  main_thread = create(function(...) outcome.values = table.pack(f(...)) end)
  outcome.thread = main_thread
  -- This checks a script early that starts with slow instructions.
  if options.hook then sethook(main_thread, hook, "", SLOW_CHECK_INTERVAL) end
  host.arm()
  local ok, problem = resume(main_thread, ...) -- allocate nothing here before the limit is lifted again
  host.disarm()
  sethook(main_thread)
  main_thread = nil
  if not ok and problem == "not enough memory" then stop_reason = out_of_memory() end
  if not ok then outcome.values, outcome.problem = nil, problem end
  outcome.why, stop_reason = stop_reason, nil
  if outcome.why then outcome.values = nil end
  return outcome
end

-- Return whether the data left by a stopped script fills most of the memory. The caller must drop its coroutine first.
function limits.is_full()
  collectgarbage()
  return collectgarbage("count") * 1024 > memory_limit * 0.75
end

return limits
