-- Where a script is, and what an error says of it.
--
-- Our own frames are passed over: an error is told with the line of the script that called us. A failed call is a text
-- inside, and beside it a table of facts, which `pcall` gives as a third value. The error of a task of `parallel.map`
-- says which item it was for, and keeps the way to it, since its coroutine is closed before anybody looks.

local native, json = ...
local find, format, gsub, match, sub = string.find, string.format, string.gsub, string.match, string.sub
local error, getinfo, type = error, debug.getinfo, type

local FRAMES = 60 -- of a stack that is told
local NAMED = 20000 -- bytes of a name
local WAYS = 100 -- errors whose way is kept; it is the last that matters

local positions = {}

local sources = {} -- chunk name -> its text
local failures = {} -- message of a failed call -> its facts, as JSON
local ways, kept = {}, 0 -- message of an error that came out of a task -> the stack there

-- A request starts, with this chunk.
function positions.begin(name, source)
  sources[name] = source
  failures, ways, kept = {}, {}, 0
end

function positions.source(name) return sources[name] end

function positions.is_trusted(info) return find(info.source, "^@kosmo/") ~= nil end
local is_trusted = positions.is_trusted

-- The innermost frame of a script, as `source` and `line`; nil when Lua has none to name.
local function user_frame(level)
  while true do
    local info = getinfo(level, "Sl")
    if not info then return nil end
    if info.what ~= "C" and not is_trusted(info) then return info.short_src, info.currentline end
    level = level + 1
  end
end

function native.user_line(level)
  local _, line = user_frame(level + 1)
  return line
end

local function position()
  local source, line = user_frame(3)
  return source and format("%s:%d: ", source, line) or ""
end

-- An error of the script's own making, with its line in front.
function native.raise(message) error(position() .. message, 0) end

-- A failed call: an error object inside, a text and a table of facts for the script.
function native.raise_failure(facts)
  local message = position() .. facts.message
  failures[message] = json.write(facts)
  error(message, 0)
end

-- What a script gets to see of an error: itself, and the facts of a failed call. A standard function that we call
-- in a script's name says our line; the script's own is put in its place, or none.
function native.failure(problem, place)
  if type(problem) ~= "string" then return problem end
  local message, count = gsub(problem, "^kosmo/%a+:%d+: ", place or position())
  local facts = failures[problem]
  return count > 0 and message or problem, facts and json.read(facts)
end

-- The calls of a coroutine that has not gone on since, innermost first; `outermost` is what the last is called.
function positions.stack(thread, outermost)
  local frames = {}
  for level = 0, FRAMES do
    local info = getinfo(thread, level, "Sln")
    if not info then break end
    if info.what ~= "C" and not is_trusted(info) then
      local name = info.what == "main" and "main chunk" or info.name and format("function '%s'", native.clipped(info.name, NAMED)) or "a function"
      frames[#frames + 1] = { chunk = native.clipped(info.short_src, NAMED), line = info.currentline, name = name }
    end
  end
  if #frames > 0 and outermost then frames[#frames].name = outermost end
  return json.array_of(frames)
end

native.stack = positions.stack

function positions.of(stack) return #stack > 0 and format("%s:%d: ", stack[1].chunk, stack[1].line) or "" end

-- Errors of tasks ------------------------------------------------------------------------------------------

-- One stack of two, the inner one first.
function positions.joined(way, stack)
  local whole = json.array_of({})
  for _, part in ipairs({ way, stack }) do
    for _, frame in ipairs(part) do
      if #whole < FRAMES then whole[#whole + 1] = frame end
    end
  end
  return whole
end

-- Add the way inside, where the error came out of a task.
function positions.whole_stack(problem, stack)
  local way = type(problem) == "string" and ways[problem]
  return way and positions.joined(way, stack) or stack
end

-- What is known of the error that ended a task's coroutine: `problem`, the way to it, and its facts or nil.
function positions.caught(thread, problem)
  local stack = positions.stack(thread)
  if type(problem) ~= "string" then return { problem = problem, stack = stack } end
  local caught = { problem = native.failure(problem, positions.of(stack)), facts = failures[problem] }
  if caught.facts and caught.problem == json.read(caught.facts).message then
    caught.problem = position() .. caught.problem -- the task is one of our functions, and has no line
  end
  caught.stack = positions.whole_stack(problem, stack)
  return caught
end

-- Raise it again out of its task; a text says for which item, behind the line where it has one.
function positions.raise_again(caught, index)
  local problem = caught.problem
  if type(problem) ~= "string" then error(problem, 0) end
  local place, said = match(problem, "^([^\n]-:%d+: )(.*)$")
  local message = format("%sitem %d: %s", place or "", index, said or problem)
  if kept >= WAYS then ways, kept = {}, 0 end
  failures[message], ways[message], kept = caught.facts, caught.stack, kept + 1
  error(message, 0)
end

return positions
