-- Raise an error where a script calls a function that a library does not have, with the name that it may mean, or with
-- the reason why there is none.
--
-- The name alone may be read, as in `string.trim or own_trim`, and a script may add it: only a script whose text calls
-- the name and does not set it gets the error.

local native, positions, environment, is_misspelt = ...
local concat, find, format, sort = table.concat, string.find, string.format, table.sort
local next, rawget, setmetatable, type = next, rawget, debug.setmetatable, type

local MAX_NAME_BYTES = 60 -- bytes of a name that is looked for in the script
local NO_FILES = "there is no network and there are no files here"
local NO_SYSTEM = "a script cannot reach the system: no programs, no environment variables and no files"

-- What to write instead of a name that other libraries have.
local INSTEAD = {
  list = {
    where = "list.filter", select = "list.filter", first = "list.take", head = "list.take", limit = "list.take",
    skip = "list.drop", offset = "list.drop", tail = "list.drop", rest = "list.drop", slice = "list.take(list.drop(items, 5), 5)",
    sort = "list.sort_by", sorted = "list.sort_by", order_by = "list.sort_by", group = "list.group_by",
    sum = "list.sum_by", unique = "list.unique_by", uniq = "list.unique_by", distinct = "list.unique_by",
    index = "list.index_by", to_map = "list.index_by", pluck = "list.map", each = "for _, item in ipairs(items) do print(item) end",
    for_each = "for _, item in ipairs(items) do print(item) end", reduce = "for _, item in ipairs(items) do total = total + item end",
    fold = "for _, item in ipairs(items) do total = total + item end",
    count = "#items", len = "#items", length = "#items", size = "#items",
    any = "list.find", some = "list.find", contains = "list.find", includes = "list.find", all = "#list.reject(items, test) == 0",
    concat = "list.flatten({ a, b })", extend = "list.flatten({ a, b })", merge = "list.flatten({ a, b })",
    max = 'list.sort_by(items, key, "desc")[1]', min = "list.sort_by(items, key)[1]",
    max_by = 'list.sort_by(items, key, "desc")[1]', min_by = "list.sort_by(items, key)[1]",
  },
  string = {
    split = 'text:gmatch("[^,]+")', trim = 'text:match("^%s*(.-)%s*$")', strip = 'text:match("^%s*(.-)%s*$")',
    startswith = "text:sub(1, #start) == start", starts_with = "text:sub(1, #start) == start",
    endswith = "text:sub(-#ending) == ending", ends_with = "text:sub(-#ending) == ending",
    contains = "text:find(part, 1, true)", includes = "text:find(part, 1, true)", replace = "text:gsub(pattern, new)",
    join = "table.concat(texts, separator)", to_lower = "text:lower()", tolower = "text:lower()",
    to_upper = "text:upper()", toupper = "text:upper()", length = "#text", size = "#text",
  },
  time = {
    days_ago = "time.ago", since = "time.days_since", today = "time.now()", time = "time.now()",
    parse = "time.days_since", diff = "time.days_since", days_between = "time.days_since", strptime = "time.days_since",
  },
}
local REASONS = { io = NO_FILES, os = NO_SYSTEM }
local NETWORK = { -- globals that other programs have, of which a script may use a field or which it may call
  axios = true, curl = true, fetch = true, http = true, https = true, requests = true, socket = true, urllib = true,
}

local missing_names = {}

-- Return whether a script calls a name that has one of some forms in front of it, and sets none of that name.
local function is_called(name, prefix)
  local source = positions.user_source(5) -- 1 is this function, 2 its caller, 3 `__index`, 4 what was called for it
  if not source or find(source, "[.:]%s*" .. name .. "%s*=[^=]") or find(source, "function%s+" .. prefix .. "[.:]" .. name) then
    return false
  end
  return find(source, "[.:]%s*" .. name .. "%s*[%({]") ~= nil
end

local function names_of(library)
  local names = {}
  for name in next, library do names[#names + 1] = name end
  sort(names)
  return names
end

-- Raise the error for a name that a library does not have, if a script calls it.
local function check(library, library_name, name)
  if type(name) ~= "string" or #name > MAX_NAME_BYTES or not find(name, "^[%a_][%w_]*$") then return nil end
  if not is_called(name, library_name) then return nil end
  local instead = INSTEAD[library_name] and INSTEAD[library_name][name]
  for known in next, library do
    if not instead and type(known) == "string" and is_misspelt(name, known) then instead = library_name .. "." .. known end
  end
  local reason = REASONS[library_name]
  local advice = instead and format(". Write %s", instead)
    or format("%s; it has %s", reason and ": " .. reason or "", concat(names_of(library), ", "))
  native.raise(format("%s has no `%s`%s", library_name, name, advice))
end

-- Make a library raise the error for a name that it does not have. Its metatable is a plain one, which `pairs` ignores.
function missing_names.watch(library, library_name)
  setmetatable(library, { __metatable = false, __index = function(_, name) return check(library, library_name, name) end })
end

-- Raise the error for a global that stands for the network elsewhere, if a script uses a field of it or calls it.
function missing_names.check_network(name)
  if name == "archive" and find(positions.user_source(5) or "", "%f[%w_]archive%s*%.%s*read%f[^%w_]") then
    native.raise("`archive` is not set. heroku.from_archive(FILE) answers from an archive: heroku.from_archive(FILE).list_apps()")
  end
  if not NETWORK[name] then return end
  local source = positions.user_source(5)
  if source and find(source, "%f[%w_]" .. name .. "%s*[.%[:(]") then
    native.raise(format("`%s` is not set: %s. The functions of `heroku` ask Heroku", name, NO_FILES))
  end
end

for _, name in ipairs({ "list", "time", "string", "io", "os" }) do missing_names.watch(rawget(environment, name), name) end

return missing_names
