-- `time`: the time of the data, and times relative to it; see `docs.read("time")`.
--
-- Times are texts as Heroku writes them, such as 2026-11-20T09:00:00Z, so that comparing the texts compares the times.
-- The parent knows the time of the data. It is asked once in each run that needs it, so that a run sees one time.

local native = ...
local format, match = string.format, string.match
local floor, tointeger = math.floor, math.tointeger
local rawequal, rawset, setmetatable, tonumber, type = rawequal, rawset, setmetatable, tonumber, type

local DAY = 86400 -- seconds
local LONGEST = 40 -- bytes of a text that is a time
local FIRST, LAST = -62135596800, 253402300799 -- the first and last second of the years 1 to 9999
local DAYS_BEFORE = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 } -- days of a year before each month

local now_of_run -- seconds since 1970, once the run has asked for it

local function is_leap(year) return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0) end

-- Return the days from 1970 to a day, or nil if there is no such day.
local function day_number(year, month, day)
  local first = DAYS_BEFORE[month]
  if not first then return nil end
  local last = (DAYS_BEFORE[month + 1] or 365) - first
  if month == 2 and is_leap(year) then last = 29 end
  if day < 1 or day > last then return nil end
  if month > 2 and is_leap(year) then first = first + 1 end
  local before = year - 1
  return before * 365 + before // 4 - before // 100 + before // 400 + first + day - 719163
end

-- Return the seconds since 1970 of a time or a day in ISO 8601, or nil if the text is none. A day begins at midnight UTC.
local function seconds_of(text)
  if type(text) ~= "string" or #text > LONGEST then return nil end
  local year, month, day, rest = match(text, "^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$")
  local days = year and day_number(tointeger(year), tointeger(month), tointeger(day))
  if not days then return nil end
  if rest == "" then return days * DAY end
  local hour, minute, second, fraction, zone = match(rest, "^[T ](%d%d):(%d%d):(%d%d)(%.?%d*)(.*)$")
  if not hour or hour > "23" or minute > "59" or second > "59" then return nil end
  if fraction ~= "" and not match(fraction, "^%.%d") then return nil end
  local sign, hours, minutes = match(zone, "^([+-])(%d%d):?(%d%d)$")
  if zone ~= "Z" and (not sign or hours > "23" or minutes > "59") then return nil end
  local offset = sign and (hours * 60 + minutes) * (sign == "-" and -60 or 60) or 0
  local part = fraction ~= "" and tonumber("0" .. fraction) or 0
  return days * DAY + hour * 3600 + minute * 60 + second + part - offset
end

-- Return a number of seconds since 1970 as a text.
local function text_of(seconds)
  local days, rest = seconds // DAY, seconds % DAY
  local year = 1970 + days * 400 // 146097
  while day_number(year, 1, 1) > days do year = year - 1 end
  while day_number(year + 1, 1, 1) <= days do year = year + 1 end
  local month = 12
  while day_number(year, month, 1) > days do month = month - 1 end
  local day = days - day_number(year, month, 1) + 1
  return format("%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, rest // 3600, rest // 60 % 60, rest % 60)
end

local function describe(value)
  if type(value) == "string" and #value <= LONGEST then return format("%q", value) end
  return value == nil and "nil" or type(value) == "string" and "a long text" or "a " .. type(value)
end

local function require_time(name, value)
  local seconds = seconds_of(value)
  if seconds then return seconds end
  native.raise(format('time.%s: expected a time such as "2026-11-20T09:00:00Z", got %s', name, describe(value)))
end

local function time_of_run()
  now_of_run = now_of_run or seconds_of(native.ask({ kind = "now" }).now)
  return now_of_run
end

-- Return the library for a clock: `now()` returns the time of the data, and `set(seconds)` replaces it.
local function library_of(now, set)
  local library = {}

  local function define(name, f)
    library[name] = function(value)
      if rawequal(value, library) then native.raise(format("time.%s: write `time.%s(…)` with a dot", name, name)) end
      return f(value)
    end
  end

  define("now", function() return text_of(floor(now())) end)

  define("ago", function(days)
    if type(days) ~= "number" then native.raise("time.ago: expected a number of days, got " .. describe(days)) end
    local seconds = now() - days * DAY
    if not (seconds >= FIRST and seconds <= LAST) then
      native.raise(format("time.ago: %s days ago is outside of the years 1 to 9999", days))
    end
    return text_of(floor(seconds + 0.5))
  end)

  define("days_since", function(text) return (now() - require_time("days_since", text)) / DAY end)

  define("days_until", function(text) return (require_time("days_until", text) - now()) / DAY end)

  define("set_now", function(text)
    local seconds = floor(require_time("set_now", text))
    if not (seconds >= FIRST and seconds <= LAST) then
      native.raise("time.set_now: the time is outside of the years 1 to 9999")
    end
    set(seconds)
  end)

  return library
end

-- Return the library for data of another time than that of the run.
function native.time_at(text)
  local seconds = seconds_of(text)
  return library_of(function() return seconds end, function(other) seconds = other end)
end

-- Start a run, which has a time of its own.
function native.forget_time() now_of_run = nil end

return library_of(time_of_run, function(seconds)
  native.ask({ kind = "set_now", now = text_of(seconds) })
  now_of_run = seconds
end)
