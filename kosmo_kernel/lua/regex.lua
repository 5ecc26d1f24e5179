-- `regex`: regular expressions. The parent passes the requests on to another child process, which runs the engine.
--
-- A match is a table: [0] is the whole match, [1] and on are the groups, and a named group is also under its name.
-- A group that took no part in the match is nil.

local native, records = ...
local format, sub, unpack = string.format, string.sub, string.unpack
local next, type, tointeger = next, type, math.tointeger

local MOST = { subject = 1 << 20, pattern = 1000, replacement = 1 << 20 } -- bytes

local function check(verb, what, value)
  local said = type(value) == "table" and records.text_of(value) or value
  if type(said) ~= "string" then native.raise(format("regex.%s: expected string %s, got %s", verb, what, type(value))) end
  if #said > MOST[what] then
    native.raise(format("regex.%s: the %s has %d bytes, and may have %d (%s_limit)", verb, what, #said, MOST[what], what))
  end
  return said
end

local function check_flags(verb, flags)
  if flags == nil or flags == 0 then return "" end
  if type(flags) == "string" and #flags <= 10 then return flags end
  native.raise(format("regex.%s: expected flags as a string of the letters i, m, s, x, u, got %s", verb, type(flags)))
end

-- Return the tables of all matches: the captures are concatenated in `texts`, and their lengths are in `lengths`.
local function matches(answer, lengths, texts)
  local found, place, at = {}, 1, 1
  for i = 1, answer.count do
    local one = {}
    for group = 0, answer.groups do
      local length
      length, place = unpack("<i4", lengths, place)
      if length >= 0 then
        one[group] = sub(texts, at, at + length - 1)
        at = at + length
      end
    end
    for _, named in ipairs(answer.names) do one[named[1]] = one[named[2]] end
    found[i] = one
  end
  return found
end

local function ask(verb, flags, limit, texts)
  local answer, pieces = native.ask({ kind = "regex", verb = verb, flags = flags, limit = limit }, texts)
  return answer, table.unpack(pieces)
end

local function searching(verb)
  return function(subject, pattern, flags)
    local texts = { check(verb, "subject", subject), check(verb, "pattern", pattern) }
    return matches(ask(verb, check_flags(verb, flags), nil, texts))
  end
end

local first = searching("match")

return {
  match = function(...) return first(...)[1] end,
  match_all = searching("match_all"),
  gsub = function(subject, pattern, replacement, limit)
    local texts = { check("gsub", "subject", subject), check("gsub", "pattern", pattern), check("gsub", "replacement", replacement) }
    local most = limit == nil and -1 or tointeger(limit)
    if not most then native.raise(format("regex.gsub: expected a whole number as limit, got %s", type(limit))) end
    if most > MOST.subject then most = -1 end -- more than any subject has matches, so replace all
    local answer, made = ask("gsub", "", most, texts)
    return made, answer.count
  end,
}
