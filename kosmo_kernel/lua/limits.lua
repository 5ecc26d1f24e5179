-- Limits and interrupts that a script cannot swallow.
--
-- Scripts run in coroutines with a count hook, so that trusted code runs without one. The hook asks the
-- worker (a clock, a flag) every thousand instructions. Once a reason to stop exists it is latched in
-- `dead`: the hook then fires at every instruction, and the wrapped `pcall`, `xpcall` and coroutine
-- functions raise it again instead of returning, so no script can catch it for longer than one step.

local native, host = ...
local create, resume, running, status, wrap_native, yield, close, isyieldable =
  coroutine.create, coroutine.resume, coroutine.running, coroutine.status, coroutine.wrap, coroutine.yield, coroutine.close, coroutine.isyieldable
local pcall, xpcall, error, select, type = pcall, xpcall, error, select, type
local sethook, getmetatable = debug.sethook, debug.getmetatable
local collect, format = collectgarbage, string.format

local EVERY = 1000 -- instructions between two looks at the clock
local FLUSH, INTERRUPTED, CPU = 1, 2, 3 -- answers of host.tick

local limits = {}
local dead, main
local armed = { cpu = 0, memory = 0 }

local function reason(answer)
  if answer == INTERRUPTED then return { stop = "interrupted", message = "interrupted" } end
  return { stop = "cpu_limit", message = format("the script ran for more than %g s of its own time (cpu_limit)", armed.cpu) }
end

local function out_of_memory()
  return { stop = "memory_limit", message = format("the script needed more than %d bytes of memory (memory_limit)", armed.memory) }
end

local function hook()
  if not dead then
    local answer = host.tick()
    if answer == 0 then return end
    if answer == FLUSH then return native.flush() end
    dead = reason(answer)
    dead.line = native.user_line(3)
  end
  sethook(running(), hook, "", 1)
  error(dead, 0)
end

-- Raise what has been latched, if anything; called wherever a protected call came back.
local function after(ok, problem, ...)
  if dead then error(dead, 0) end
  if ok then return ok, problem, ... end
  if problem == "not enough memory" then
    dead = out_of_memory()
    error(dead, 0)
  end
  local text, facts = native.failure(problem)
  return false, text, facts
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

function limits.create(f)
  if type(f) ~= "function" then native.raise("bad argument #1 to 'create' (function expected)") end
  local thread = create(f)
  sethook(thread, hook, "", EVERY)
  return thread
end

function limits.resume(thread, ...)
  if type(thread) ~= "thread" then native.raise("bad argument #1 to 'resume' (coroutine expected)") end
  return after(resume(thread, ...))
end

local function passed(thread, ok, problem, ...)
  if dead then error(dead, 0) end
  if ok then return problem, ... end
  close(thread)
  if dead then error(dead, 0) end
  error(problem, 0)
end

function limits.wrap(f)
  local thread = limits.create(f)
  return function(...) return passed(thread, resume(thread, ...)) end
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

function limits.close(thread) return after(close(thread)) end

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
function limits.die(stop, message)
  dead = dead or { stop = stop, message = message, line = native.user_line(3) }
  error(dead, 0)
end

function limits.is_dead(problem) return dead ~= nil and (problem == dead or problem == nil) end

-- Run a function under limits. Returns the coroutine and what `coroutine.resume` said of it; a fourth
-- kind of answer is `dead`, the reason why it had to stop.
function limits.run(f, cpu, memory, ...)
  dead, armed.cpu, armed.memory = nil, cpu, memory
  main = create(f)
  sethook(main, hook, "", EVERY)
  local thread = main
  host.begin(cpu, memory)
  host.arm()
  local answer = table.pack(resume(main, ...))
  host.disarm()
  host.end_run()
  main = nil
  sethook(thread)
  if not answer[1] and answer[2] == "not enough memory" then dead = out_of_memory() end
  local why = dead
  dead = nil
  if why and why.stop == "memory_limit" then collect() end
  return thread, answer, why
end

return limits
