-- `app.*` and `docs.*`: the namespaces of the catalogue.
--
-- A namespace is an empty table whose metatable knows its contents, so that it can be listed and printed but not
-- changed. The catalogue comes from the parent as JSON and is decoded when `app` is first used. The name of each
-- integration is a global, too. A call sends its arguments to the parent and converts the reply into values. The parent
-- knows the accounts, so it is asked about each name that is not a function.

local native, json, records, text = ...
local concat, find, format, sort, sub = table.concat, string.find, string.format, table.sort, string.sub
local next, rawlen, select, type = next, rawlen, select, type
local getmetatable, setmetatable = debug.getmetatable, setmetatable

-- Limits of one call, as in the parent: its arguments, and the bytes of their JSON.
local MAX_ARGUMENTS, MAX_CALL_BYTES = 1000, 64 << 20

local PART_KEYS = { "parts", "names", "partial" } -- of the description of a list that crosses in parts

local spaces = {}
local catalogue_text, integrations = nil, nil
local started = {} -- integrations that Lua started with, by name: { name } and once decoded the rest, and `space`
local load_catalogue
-- closure -> { name, own_name, integration } of a catalogue function, or { signature, title }
local function_descriptions = setmetatable({}, { __mode = "k" })

function native.is_namespace(value)
  local metatable = type(value) == "table" and native.ours(value)
  return metatable and metatable.kind == "namespace" or false
end

-- Return a namespace. `find_child(key, may_ask)` returns a child or nil, and may ask the parent if `may_ask` is true;
-- `list()` returns the names that `pairs` yields, `all_names()` those for completion, and `note()` a text that `print`
-- adds.
local function namespace(path, list, find_child, all_names, note)
  return setmetatable({}, native.register {
    __metatable = false, kind = "namespace", path = path, list = list, look = find_child, all = all_names or list,
    note = note,
    __index = function(_, key)
      if type(key) ~= "string" then return nil end
      return find_child(key, true)
    end,
    __newindex = function(_, key) native.raise(format("%s cannot be changed (assigning `%s`)", path, text.tostring(key))) end,
    __pairs = function(space)
      local names, index = list(), 0
      return function()
        index = index + 1
        if names[index] then return names[index], find_child(names[index], false) end
      end, space, nil
    end,
  })
end

-- Return the signature of a function. The parent is asked once for those of all functions of an integration, which it
-- answers during a run only; before that a function is shown by its name.
local function signature_of(description)
  local integration = description.integration
  if not integration then return description.signature end
  if not integration.signatures and not native.is_running then return description.own_name end
  integration.signatures = integration.signatures
    or native.ask({ kind = "signatures", integration = integration.name }).signatures
  return integration.signatures[description.own_name]
end

function native.namespace_text(value, untouched)
  local metatable = getmetatable(value)
  if metatable.text then return metatable.text(untouched) end
  local lines = { metatable.path }
  for _, name in ipairs(metatable.list()) do
    local child = metatable.look(name, false)
    lines[#lines + 1] = "  " .. (function_descriptions[child] and signature_of(function_descriptions[child]) or name)
  end
  local note = metatable.note and metatable.note()
  if note then lines[#lines + 1] = "  (" .. note .. ")" end
  return concat(lines, "\n")
end

function native.function_name(value)
  local description = function_descriptions[value]
  if not description then return nil end
  local integration = description.integration
  return format("function: %s", integration and integration.name .. "." .. signature_of(description) or description.title)
end

function native.catalogue_name(value)
  local description = function_descriptions[value]
  return description and description.name or nil
end

spaces.namespace = namespace

-- Set the texts that `print` shows for a function: `signature` in a list, `title` alone.
function spaces.describe(closure, description) function_descriptions[closure] = description end

-- Calls ------------------------------------------------------------------------------------------------------

local function value_of(description, blobs)
  local blob = description.blob and blobs[description.blob]
  if description.form == "record" then return records.record(description, blob) end
  if description.form == "list" then return records.list(description, blob) end
  if description.form == "text" then return blob end
  if description.form == "nil" then return nil end
  if description.form ~= "dict" then return json.read(blob, nil, description.wide) end
  local fields = {}
  for i, key in ipairs(description.keys) do fields[key] = value_of(description.values[i], blobs) end
  return fields
end

local function reply_values(header, blobs)
  local values = {}
  for i, description in ipairs(header.values) do values[i] = value_of(description, blobs) end
  return table.unpack(values, 1, #header.values)
end

-- Return whether a single table has the named arguments, rather than being a positional argument.
local function has_named_arguments(value)
  if type(value) ~= "table" or native.is_namespace(value) or rawequal(value, json.null) then return false end
  local metatable = native.ours(value)
  local kind = metatable and metatable.kind
  if kind == "unfilled" or kind == "list" or kind == "row" or kind == "array" then return false end
  if kind == "record" and metatable.type then return false end
  return rawlen(value) == 0
end

-- Return a script's text as a JSON string, or raise an error if it is not UTF-8.
local function quoted_text(path, value)
  return json.quote(value) or native.raise(format("%s: a text that is not UTF-8 has no JSON form", path))
end

-- Return the JSON that describes one argument, and its text, if any.
local function encode_argument(path, name, value, blob_index, max_bytes)
  if native.is_namespace(value) then
    local space = native.ours(value).path
    local how = space == "app" and ": local app = heroku.list_apps()[1]" or ""
    native.raise(format(
      "%s: %s is `%s`, which holds functions and is no record. Set a variable of your own first%s", path, name, space, how
    ))
  end
  local description, blob = records.describe(value, name, max_bytes, json.write_value)
  if description.fault then native.raise(format("%s: %s", path, description.fault)) end
  local encoded = format('{"name":%s,"form":"%s"', quoted_text(path, name), description.form)
  if description.handle then encoded = format('%s,"handle":%d', encoded, description.handle) end
  if description.place then encoded = format('%s,"place":%d', encoded, description.place) end
  if description.type then encoded = format('%s,"type":%s', encoded, json.quote(description.type)) end
  if blob then encoded = format('%s,"blob":%d', encoded, blob_index) end
  for _, key in ipairs(PART_KEYS) do -- of a long list of rows, such as a filtered one
    local parts = description[key]
    if parts then encoded = format('%s,"%s":%s', encoded, key, (json.write_value(parts, path, max_bytes))) end
  end
  return encoded .. "}", blob
end

-- Make a call. `reading` is the number of the reading of the table that makes it (`tables.lua`), nil for a script.
local function call(reading, path, account, ...)
  local first_argument = ...
  local count = select("#", ...)
  -- `heroku:list_apps()` and `app.mcp.server:tool()` pass the namespace as the first argument.
  if native.is_namespace(first_argument) and find(native.ours(first_argument).path, "^app%.%l+%.") then
    return call(reading, path, account, select(2, ...))
  end
  local arguments, blobs, bytes_left = {}, {}, MAX_CALL_BYTES
  local function add_argument(name, value)
    local encoded, blob = encode_argument(path, name, value, #blobs + 1, bytes_left)
    if blob then bytes_left = bytes_left - #blob end
    if #arguments >= MAX_ARGUMENTS then native.raise(format("%s: more than %d arguments", path, MAX_ARGUMENTS)) end
    arguments[#arguments + 1], blobs[#blobs + 1] = encoded, blob
  end
  local has_names = count == 1 and has_named_arguments(first_argument)
  if has_names then
    for _, name in ipairs((json.keys(first_argument))) do add_argument(text.tostring(name), first_argument[name]) end
  else
    for i = 1, count do add_argument(format("argument %d", i), (select(i, ...))) end
  end
  -- Build the JSON by hand, because this is on the path of every call.
  local request = format(
    '"path":%s,"named":%s,"arguments":[%s]', quoted_text("a name", path), has_names, concat(arguments, ",")
  )
  if account then request = format('%s,"account":%s', request, quoted_text(path, account)) end
  if reading then request = format('%s,"reading":%d', request, reading) end
  local line = native.user_line(3)
  if line then request = format('%s,"line":%d', request, line) end
  return reply_values(native.call(request, blobs))
end

function spaces.call(path, account, ...) return call(nil, path, account, ...) end
spaces.has_named_arguments = has_named_arguments

-- Send a request to the parent, and return the values of the reply.
function spaces.answers(question) return reply_values(native.ask(question)) end

-- The tree ---------------------------------------------------------------------------------------------------

-- Add the failures of a call to those of the table that makes it, each once, and note which items they are about.
local function add_failures(context, name, argument, items, rows, failures)
  if #failures == 0 then return end
  local gap = context.gaps[name] or { items = {} }
  context.gaps[name] = gap
  for _, failure in ipairs(failures) do
    local item = argument and failure[argument]
    if item == nil and not gap.is_unknown or item ~= nil and not gap.items[item] then
      context.failures[#context.failures + 1] = failure
    end
    if item == nil then gap.is_unknown = true else gap.items[item] = true end
  end
  if #rows == 0 and (gap.is_unknown or #failures >= items) then gap.is_missing = true end
end

-- Make a call of a table's Lua. Where the table collects failures, or asks for them with `errors`, what cannot be read is
-- left out of the result. The same call is made once for a table and for those that it uses.
local function call_of_table(context, name, account, ...)
  local arguments, count = ..., select("#", ...)
  local is_named = count == 1 and has_named_arguments(arguments)
  if count > 0 and not is_named then return call(context.reading, name, account, ...) end
  local passed, argument, value, number = {}, "", name, 0
  for key, item in next, arguments or {} do
    passed[key] = item
    if key ~= "errors" then argument, value, number = key, item, number + 1 end
  end
  local asks = passed.errors ~= nil
  if number > 1 or asks and passed.errors ~= "collect" then return call(context.reading, name, account, ...) end
  local collects = asks or context.collects and find(name, ".list_", 1, true)
  local full_name = format("%s %s %s %s", name, account or "", argument, collects and "collected" or "")
  local known = context.results[full_name] or {}
  context.results[full_name] = known
  if known[value] == nil then
    if collects then passed.errors = "collect" end
    local rows, failures = call(context.reading, name, account, passed)
    if collects then
      add_failures(context, name, argument, type(value) == "table" and #value or 1, rows, failures or {})
    end
    known[value] = { rows = rows, failures = failures }
  end
  if asks then return known[value].rows, known[value].failures end
  return known[value].rows
end

local account_space

-- Return the function that opens an archive, and returns a namespace of which it answers the calls.
local function archive_opener(integration, path)
  local name = path .. ".from_archive"
  local function open(file, taken_at)
    if native.is_namespace(file) then native.raise(format("%s: write it with a dot", name)) end
    for i, value in ipairs({ file or false, taken_at }) do
      if type(value) ~= "string" then
        native.raise(format("bad argument #%d to 'from_archive' (string expected, got %s)", i, value and type(value) or "nil"))
      end
    end
    local reply = native.ask({ kind = "archive", file = quoted_text(name, file) and file, taken_at = taken_at or "" })
    local space = account_space(integration, reply.account, nil, nil, { path = format("%s(%s)", name, native.quoted(file)), now = reply.now })
    return space
  end
  function_descriptions[open] = { signature = "from_archive(file [, taken_at])", title = integration.name .. ".from_archive(file)" }
  return open
end

-- Return the namespace of an account of an integration. `inside` has the names of the tables whose Lua gets it, from the
-- outermost one on, and `context` what these have in common (`tables.lua`); nil for the Lua of a script. `archive` has the
-- path and the time of an archive that answers in place of the account.
function account_space(integration, account, inside, context, archive)
  local path = archive and archive.path
    or format("app.integrations.%s%s", integration.name, account and "." .. account or "")
  local closures = {}
  local function list()
    load_catalogue()
    local names = {}
    for i, name in ipairs(integration.functions) do names[i] = name end
    return names
  end
  local accounts, tables = {}, nil
  local function find_child(key, may_ask)
    if closures[key] then return closures[key] end
    load_catalogue()
    if key == "tables" and integration.tables[1] then
      tables = tables or spaces.tables(path, integration, function(chain, of_table)
        return account_space(integration, account, chain, of_table, archive)
      end, inside or {}, context, account, archive and archive.now)
      return tables
    end
    local own_name = integration.own_name(key)
    if own_name then
      local closure = closures[own_name]
      if not closure then
        local name = integration.name .. "." .. own_name
        closure = function(...)
          if context then return call_of_table(context, name, account, ...) end
          return call(nil, name, account, ...)
        end
        function_descriptions[closure] = { name = name, own_name = own_name, integration = integration }
        closures[own_name] = closure
      end
      closures[key] = closure
      return closure
    end
    if accounts[key] then return accounts[key] end
    if key == "from_archive" and not account then
      closures[key] = archive_opener(integration, path)
      return closures[key]
    end
    local alias = not account and integration.is_account[key] and key
    if not alias and not may_ask then return nil end
    -- Not a function: either a new account, or a mistake for which the parent returns an error.
    alias = alias or native.ask({ kind = "space", integration = integration.name, account = account, key = key }).account
    accounts[key] = account_space(integration, alias)
    return accounts[key]
  end
  local function all_names()
    local names = list()
    if integration.tables[1] then names[#names + 1] = "tables" end
    if not account then
      names[#names + 1] = "from_archive"
      for _, alias in ipairs(integration.accounts) do names[#names + 1] = alias end
    end
    return names
  end
  return namespace(path, list, find_child, all_names)
end

local function add_integration(target, description)
  local integration = started[description.name] or description
  for field, value in next, description do integration[field] = value end
  integration.is_account = {}
  for _, alias in ipairs(integration.accounts) do integration.is_account[alias] = true end
  local own_names, prefix = {}, integration.name .. "_"
  for _, name in ipairs(integration.functions) do own_names[name] = name end
  -- A function is also called by its full name, `heroku_list_apps`.
  function integration.own_name(name)
    return own_names[name] or integration.aliases[name]
      or sub(name, 1, #prefix) == prefix and own_names[sub(name, #prefix + 1)] or nil
  end
  local space = integration.space or account_space(integration)
  if not target[integration.name] then target[#target + 1] = integration.name end
  target[integration.name] = space
  sort(target)
  return space
end

local function decode_catalogue()
  local decoded_spaces = {}
  for _, integration in ipairs(json.read(catalogue_text)) do add_integration(decoded_spaces, integration) end
  return decoded_spaces
end

function load_catalogue()
  -- Without the hook, so that no interrupt leaves it half done.
  integrations = integrations or native.steady(decode_catalogue)
end

local function integration_names()
  load_catalogue()
  local names = {}
  for i, name in ipairs(integrations) do names[i] = name end
  return names
end

local integrations_space = namespace("app.integrations", integration_names, function(key, may_ask)
  load_catalogue()
  if integrations[key] then return integrations[key] end
  -- Either a separately installed integration, which the parent looks up now, or a mistake, for which it returns an
  -- error.
  if may_ask then
    return native.steady(add_integration, integrations, native.ask({ kind = "space", key = key }).integration)
  end
end)

-- Return the names below `app`. A session that calls no services starts with no integrations, and then has none.
local function app_names() return next(started) and { "integrations", "mcp" } or { "mcp" } end

local app = namespace("app", app_names, function(key, may_ask)
  if key == "integrations" and next(started) then return integrations_space end
  if key == "mcp" then return spaces.mcp(may_ask) end -- defined in `mcp.lua`
  if may_ask then native.raise(format("app has no `%s`; it has `%s`", key, concat(app_names(), "` and `"))) end
end)

-- Return the values that the parent describes, in order.
function spaces.values(descriptions, blobs)
  local values = {}
  for i, description in ipairs(descriptions) do
    values[i] = value_of(description, blobs)
  end
  return values
end

-- Return the namespaces of the services that Lua started with, by name.
function spaces.of_services()
  local services = {}
  for name, integration in next, started do services[name] = integration.space end
  return services
end

-- Set the catalogue's JSON, which is decoded when `app` is first used, and return the namespaces of its integrations by
-- name.
function spaces.prepare(text_of_catalogue, names)
  catalogue_text = text_of_catalogue
  local spaces_by_name = {}
  for _, name in ipairs(names) do
    started[name] = { name = name }
    started[name].space = account_space(started[name])
    spaces_by_name[name] = started[name].space
  end
  return spaces_by_name
end

-- Return the namespace of an integration that was installed separately, or nil if there is none of that name.
local installed_names
function spaces.installed(name)
  if not installed_names then
    installed_names = {}
    for _, installed in ipairs(native.ask({ kind = "integrations" }).names) do installed_names[installed] = true end
  end
  return installed_names[name] and integrations_space[name] or nil
end

-- Return a child of a namespace without asking the parent.
function spaces.child(space, name) return getmetatable(space).look(name, false) end

function spaces.names(space)
  local kinds = {}
  local metatable = getmetatable(space)
  for _, name in ipairs(metatable.all()) do
    kinds[name] = type(metatable.look(name, false) or space)
  end
  return kinds
end

-- Documentation ------------------------------------------------------------------------------------------------

local function docs_function(verb, name)
  return function(page)
    if page ~= nil and type(page) ~= "string" then
      native.raise(format("bad argument #1 to '%s' (string expected, got %s)", name, type(page)))
    end
    return reply_values(native.ask({ kind = "docs", verb = verb, page = page or "" }))
  end
end

function spaces.globals()
  local docs = {
    read = docs_function("read", "docs.read"), list = docs_function("list", "docs.list"),
    search = docs_function("search", "docs.search"),
  }
  return { app = app, docs = docs, lua_read_doc = docs.read, lua_list_docs = docs.list, lua_search_docs = docs.search }
end

return spaces
