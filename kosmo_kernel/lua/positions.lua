-- Source positions, stacks and error messages of scripts.
--
-- Trusted frames are skipped, so that an error names the script's line that called a trusted function. Internally a
-- failed call is an error text with a record beside it: the facts that `pcall` returns as a third value, and the number
-- under which the parent knows the error. A Lua error is nothing but its text, so a script that raises the text again
-- raises the latest error with that text. The error of a `parallel.map` task names the item and keeps its stack, because
-- the task's coroutine is closed before the error is reported.

local native, json = ...
local find, format, gsub, match, sub = string.find, string.format, string.gsub, string.match, string.sub
local error, getinfo, ipairs, tointeger, type = error, debug.getinfo, ipairs, math.tointeger, type

local MAX_FRAMES = 60 -- frames of a reported stack
local MAX_NAME_BYTES = 20000 -- bytes of a name
local MAX_KEPT_STACKS = 100 -- errors whose stack is kept; usually only the last one is needed

local positions = {}

local sources = {} -- chunk name -> its text
-- message of a failed call -> { facts (as JSON), cause (the parent's number), has_no_line (if the message has none) }
local failures = {}
local task_stacks, kept_count = {}, 0 -- message of an error of a task -> its stack; the number of these

-- Start a request with this chunk.
function positions.begin(name, source)
  sources[name] = source
  failures, task_stacks, kept_count = {}, {}, 0
end

function positions.source(name) return sources[name] end

function positions.is_trusted(info) return find(info.source, "^@kosmo/") ~= nil end
local is_trusted = positions.is_trusted

-- Return the source and line of the innermost script frame, or nil if there is none.
local function user_frame(level)
  while true do
    local info = getinfo(level, "Sl")
    if not info then return nil end
    if info.what ~= "C" and not is_trusted(info) then return info.short_src, info.currentline end
    level = level + 1
  end
end

-- Return the text of the chunk that is running, or nil if it is not known.
function positions.user_source(level)
  local name = user_frame(level)
  return name and sources[name]
end

function native.user_line(level)
  local _, line = user_frame(level + 1)
  return line
end

-- Return the script's line that called a library, given as the set of its files; nil if other trusted code called it.
function native.line_of_call(files)
  local level = 2
  while true do
    local info = getinfo(level, "Sl")
    if not info then return nil end
    local file = match(info.source, "^@kosmo/(.*)")
    if not file and info.what ~= "C" then return info.currentline end
    if file and not files[file] then return nil end
    level = level + 1
  end
end

local function position_prefix()
  local source, line = user_frame(3)
  return source and format("%s:%d: ", source, line) or ""
end

-- Raise an error that starts with the script's line.
function native.raise(message) error(position_prefix() .. message, 0) end

-- Raise the error of a failed call from the parent's reply, and keep its facts and number.
function native.raise_failure(response)
  local prefix = position_prefix()
  local message = prefix .. response.error.message
  failures[message] = { facts = json.write(response.error), cause = response.cause, has_no_line = prefix == "" }
  error(message, 0)
end

-- Return an error as a script sees it: its message, and the facts of a failed call. If a standard function was called
-- by trusted code for the script, the trusted line in the message is replaced by the script's line, or removed.
function native.failure(problem, prefix)
  if type(problem) ~= "string" then return problem end
  local message, count = gsub(problem, "^kosmo/[%a_]+:%d+: ", prefix or position_prefix())
  local failure = failures[problem]
  return count > 0 and message or problem, failure and json.read(failure.facts)
end

-- Return the parent's number of the failed call that this error came from, or nil.
function positions.cause(problem)
  return failures[problem] and failures[problem].cause
end

-- Return the script frames of a coroutine that has not been resumed since, innermost first. `outermost`, if given, is
-- used as the name of the last frame.
function positions.stack(thread, outermost)
  local frames = {}
  for level = 0, MAX_FRAMES do
    local info = getinfo(thread, level, "Sln")
    if not info then break end
    if info.what ~= "C" and not is_trusted(info) then
      local name = info.what == "main" and "main chunk" or info.name and format("function '%s'", native.clipped(info.name, MAX_NAME_BYTES)) or "a function"
      frames[#frames + 1] = {
        chunk = native.clipped(info.short_src, MAX_NAME_BYTES), line = info.currentline, name = name,
      }
    end
  end
  if #frames > 0 and outermost then frames[#frames].name = outermost end
  return json.array_of(frames)
end

native.stack = positions.stack

function positions.of(stack) return #stack > 0 and format("%s:%d: ", stack[1].chunk, stack[1].line) or "" end

-- Return the chunk and line with which Lua's message begins, and the position after them. Return nil if the message
-- begins with none, or names a chunk that neither ran nor is on the stack, as in `http://localhost:5000: refused`.
function positions.place(message, stack)
  local chunk, line, after = match(message, "^([^\n]-):(%d+): ()")
  if not chunk or #line > 9 then return end
  local is_known = sources[chunk] ~= nil
  for _, frame in ipairs(stack) do is_known = is_known or frame.chunk == chunk end
  if is_known then return chunk, tointeger(line), after end
end

-- Errors of tasks ------------------------------------------------------------------------------------------

-- Return one stack made of two, the inner one first.
function positions.joined(inner_stack, stack)
  local joined_stack = json.array_of({})
  for _, part in ipairs({ inner_stack, stack }) do
    for _, frame in ipairs(part) do
      if #joined_stack < MAX_FRAMES then joined_stack[#joined_stack + 1] = frame end
    end
  end
  return joined_stack
end

-- Return a stack extended by that inside the task, if the error came out of one.
function positions.whole_stack(problem, stack)
  local inner_stack = type(problem) == "string" and task_stacks[problem]
  return inner_stack and positions.joined(inner_stack, stack) or stack
end

-- Return a table that describes the error of a task's coroutine: `problem`, `stack`, and for a failed call its `facts`
-- and `cause`.
function positions.caught(thread, problem)
  local stack = positions.stack(thread)
  if type(problem) ~= "string" then return { problem = problem, stack = stack } end
  local call = failures[problem] or {}
  local failure = { problem = native.failure(problem, positions.of(stack)), facts = call.facts, cause = call.cause }
  -- A trusted function as the task's function has no line of its own.
  if call.has_no_line then failure.problem = position_prefix() .. failure.problem end
  failure.stack = positions.whole_stack(problem, stack)
  return failure
end

-- Raise a task's error again in the caller of `parallel.map`. A text gets the number of the item, after its line if it
-- has one.
function positions.raise_again(failure, index)
  local problem = failure.problem
  if type(problem) ~= "string" then error(problem, 0) end
  local _, _, after = positions.place(problem, failure.stack)
  local prefix, text = sub(problem, 1, (after or 1) - 1), sub(problem, after or 1)
  local message = format("%sitem %d: %s", prefix, index, text)
  if kept_count >= MAX_KEPT_STACKS then task_stacks, kept_count = {}, 0 end
  failures[message] = failure.facts and { facts = failure.facts, cause = failure.cause }
  task_stacks[message], kept_count = failure.stack, kept_count + 1
  error(message, 0)
end

return positions
