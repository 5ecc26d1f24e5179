-- `regex`: regular expressions. The parent passes the requests on to another child process, which runs the engine.
--
-- A match is a table: [0] is the whole match, [1] and on are the groups, and a named group is also under its name.
-- A group that took no part in the match is nil.

local native, records = ...
local format, sub, unpack = string.format, string.sub, string.unpack
local next, type, tointeger = next, type, math.tointeger

local MAX_BYTES = { subject = 1 << 20, pattern = 1000, replacement = 1 << 20 }

local function check_text(verb, role, value)
  local text = type(value) == "table" and records.text_of(value) or value
  if type(text) ~= "string" then native.raise(format("regex.%s: expected string %s, got %s", verb, role, type(value))) end
  if #text > MAX_BYTES[role] then
    native.raise(format("regex.%s: the %s has %d bytes, and may have %d (%s_limit)", verb, role, #text, MAX_BYTES[role], role))
  end
  return text
end

local function check_flags(verb, flags)
  if flags == nil or flags == 0 then return "" end
  if type(flags) == "string" and #flags <= 10 then return flags end
  native.raise(format("regex.%s: expected flags as a string of the letters i, m, s, x, u, got %s", verb, type(flags)))
end

-- Return the tables of all matches: the captures are concatenated in `texts`, and their lengths are in `lengths`.
local function matches(response, lengths, texts)
  local result, length_position, text_position = {}, 1, 1
  for i = 1, response.count do
    local match_table = {}
    for group = 0, response.groups do
      local length
      length, length_position = unpack("<i4", lengths, length_position)
      if length >= 0 then
        match_table[group] = sub(texts, text_position, text_position + length - 1)
        text_position = text_position + length
      end
    end
    for _, named_group in ipairs(response.names) do match_table[named_group[1]] = match_table[named_group[2]] end
    result[i] = match_table
  end
  return result
end

local function ask(verb, flags, limit, texts)
  local response, blobs = native.ask({ kind = "regex", verb = verb, flags = flags, limit = limit }, texts)
  return response, table.unpack(blobs)
end

local function search_function(verb)
  return function(subject, pattern, flags)
    local texts = { check_text(verb, "subject", subject), check_text(verb, "pattern", pattern) }
    return matches(ask(verb, check_flags(verb, flags), nil, texts))
  end
end

local search_first = search_function("match")

return {
  match = function(...) return search_first(...)[1] end,
  match_all = search_function("match_all"),
  gsub = function(subject, pattern, replacement, limit)
    local texts = {
      check_text("gsub", "subject", subject), check_text("gsub", "pattern", pattern),
      check_text("gsub", "replacement", replacement),
    }
    local max_replacements = limit == nil and -1 or tointeger(limit)
    if not max_replacements then
      native.raise(format("regex.gsub: expected a whole number as limit, got %s", type(limit)))
    end
    if max_replacements > MAX_BYTES.subject then max_replacements = -1 end -- no subject has as many matches
    local response, result = ask("gsub", "", max_replacements, texts)
    return result, response.count
  end,
}
