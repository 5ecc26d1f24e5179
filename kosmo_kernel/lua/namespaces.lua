-- `app.*` and `docs.*`: the namespaces of the catalogue.
--
-- A namespace is an empty table whose metatable knows its contents, so that it can be listed and printed but not
-- changed. The catalogue comes from the parent as JSON and is decoded when `app` is first used. A call sends its
-- arguments to the parent and converts the reply into values. The parent knows the accounts, so it is asked about each
-- name that is not a function.

local native, json, records, text = ...
local concat, format, sort = table.concat, string.format, table.sort
local next, rawlen, select, type = next, rawlen, select, type
local getmetatable, setmetatable = debug.getmetatable, setmetatable

local ARGUMENTS, BYTES = 1000, 64 << 20 -- limits of one call, as in the parent: arguments, and bytes of their JSON

local spaces = {}
local catalogue_text, integrations = nil, nil
local described = setmetatable({}, { __mode = "k" }) -- closure -> { name, signature, title }

function native.is_namespace(value)
  local metatable = type(value) == "table" and native.ours(value)
  return metatable and metatable.kind == "namespace" or false
end

-- Return a namespace. `look(key, ask)` returns a child or nil, and may ask the parent if `ask` is true; `list()`
-- returns the names that `pairs` yields, `all()` those for completion, and `note()` a text that `print` adds.
local function namespace(path, list, look, all, note)
  return setmetatable({}, native.register {
    __metatable = false, kind = "namespace", path = path, list = list, look = look, all = all or list, note = note,
    __index = function(_, key)
      if type(key) ~= "string" then return nil end
      return look(key, true)
    end,
    __newindex = function(_, key) native.raise(format("%s cannot be changed (assigning `%s`)", path, text.tostring(key))) end,
    __pairs = function(space)
      local names, at = list(), 0
      return function()
        at = at + 1
        if names[at] then return names[at], look(names[at], false) end
      end, space, nil
    end,
  })
end

function native.namespace_text(value, untouched)
  local metatable = getmetatable(value)
  if metatable.text then return metatable.text(untouched) end
  local lines = { metatable.path }
  for _, name in ipairs(metatable.list()) do
    local child = metatable.look(name, false)
    lines[#lines + 1] = "  " .. (described[child] and described[child].signature or name)
  end
  local note = metatable.note and metatable.note()
  if note then lines[#lines + 1] = "  (" .. note .. ")" end
  return concat(lines, "\n")
end

function native.function_name(value)
  local known = described[value]
  return known and format("function: %s", known.title) or nil
end

function native.catalogue_name(value)
  local known = described[value]
  return known and known.name or nil
end

spaces.namespace = namespace

-- Set the texts that `print` shows for a function: `signature` in a list, `title` alone.
function spaces.describe(closure, known) described[closure] = known end

-- Calls ------------------------------------------------------------------------------------------------------

local function value_of(answer, pieces)
  local piece = answer.blob and pieces[answer.blob]
  if answer.form == "record" then return records.record(answer, piece) end
  if answer.form == "list" then return records.list(answer, piece) end
  if answer.form == "text" then return piece end
  if answer.form == "nil" then return nil end
  if answer.form ~= "dict" then return json.read(piece, nil, answer.wide) end
  local made = {}
  for i, key in ipairs(answer.keys) do made[key] = value_of(answer.values[i], pieces) end
  return made
end

local function answers(header, pieces)
  local values = {}
  for i, answer in ipairs(header.values) do values[i] = value_of(answer, pieces) end
  return table.unpack(values, 1, #header.values)
end

-- Return whether a single table has the named arguments, rather than being a positional argument.
local function is_named(value)
  if type(value) ~= "table" or native.is_namespace(value) or rawequal(value, json.null) then return false end
  local metatable = native.ours(value)
  local kind = metatable and metatable.kind
  if kind == "unfilled" or kind == "list" or kind == "row" then return false end
  if kind == "record" and metatable.type then return false end
  return rawlen(value) == 0
end

-- Return a script's text as a JSON string, or raise an error if it is not UTF-8.
local function written(path, value)
  return json.quote(value) or native.raise(format("%s: a text that is not UTF-8 has no JSON form", path))
end

-- Return the JSON that describes one argument, and its text, if any.
local function argument(path, name, value, place, most)
  local one, piece = records.describe(value, name, most, json.write_value)
  if one.fault then native.raise(format("%s: %s", path, one.fault)) end
  local said = format('{"name":%s,"form":"%s"', written(path, name), one.form)
  if one.handle then said = format('%s,"handle":%d', said, one.handle) end
  if one.place then said = format('%s,"place":%d', said, one.place) end
  if one.type then said = format('%s,"type":%s', said, json.quote(one.type)) end
  if piece then said = format('%s,"blob":%d', said, place) end
  return said .. "}", piece
end

local function call(path, account, ...)
  local first = ...
  local count = select("#", ...)
  if native.is_namespace(first) and count > 0 then return call(path, account, select(2, ...)) end -- `heroku:list_apps()`
  local arguments, pieces, left = {}, {}, BYTES
  local function add(name, value)
    local one, piece = argument(path, name, value, #pieces + 1, left)
    if piece then left = left - #piece end
    if #arguments >= ARGUMENTS then native.raise(format("%s: more than %d arguments", path, ARGUMENTS)) end
    arguments[#arguments + 1], pieces[#pieces + 1] = one, piece
  end
  local named = count == 1 and is_named(first)
  if named then
    for _, name in ipairs((json.keys(first))) do add(text.tostring(name), first[name]) end
  else
    for i = 1, count do add(format("argument %d", i), (select(i, ...))) end
  end
  -- Build the JSON by hand, because this is on the path of every call.
  local said = format('"path":%s,"named":%s,"arguments":[%s]', written("a name", path), named, concat(arguments, ","))
  if account then said = format('%s,"account":%s', said, written(path, account)) end
  local line = native.user_line(3)
  if line then said = format('%s,"line":%d', said, line) end
  return answers(native.call(said, pieces))
end

spaces.call = call

-- Send a request to the parent, and return the values of the reply.
function spaces.answers(question) return answers(native.ask(question)) end

-- The tree ---------------------------------------------------------------------------------------------------

local function account_space(integration, account)
  local path = format("app.integrations.%s%s", integration.name, account and "." .. account or "")
  local closures = {}
  local function list()
    local names = {}
    for i, one in ipairs(integration.functions) do names[i] = one.name end
    return names
  end
  local accounts = {}
  local function look(key, ask)
    if closures[key] then return closures[key] end
    local known = integration.by_name[key]
    if known then
      local closure = closures[known.name]
      if not closure then
        local name = integration.name .. "." .. known.name
        closure = function(...) return call(name, account, ...) end
        described[closure] = { name = name, signature = known.signature, title = integration.name .. "." .. known.signature }
        closures[known.name] = closure
      end
      closures[key] = closure
      return closure
    end
    if accounts[key] then return accounts[key] end
    local alias = not account and integration.is_account[key] and key
    if not alias and not ask then return nil end
    -- Not a function: either a new account, or a mistake for which the parent returns an error.
    alias = alias or native.ask({ kind = "space", integration = integration.name, account = account, key = key }).account
    accounts[key] = account_space(integration, alias)
    return accounts[key]
  end
  local function all()
    local names = list()
    if not account then
      for _, alias in ipairs(integration.accounts) do names[#names + 1] = alias end
    end
    return names
  end
  return namespace(path, list, look, all)
end

local function add(found, integration)
  integration.by_name, integration.is_account = {}, {}
  for _, alias in ipairs(integration.accounts) do integration.is_account[alias] = true end
  for _, one in ipairs(integration.functions) do
    for _, name in ipairs(one.names) do integration.by_name[name] = one end
    records.declare(integration.name .. "." .. one.name, one.type)
    records.declare(integration.name .. "." .. one.name .. "*", one.asked)
  end
  local space = account_space(integration)
  if not found[integration.name] then found[#found + 1] = integration.name end
  found[integration.name] = space
  sort(found)
  return space
end

local function decoded()
  local found = {}
  for _, integration in ipairs(json.read(catalogue_text)) do add(found, integration) end
  return found
end

local function prepare()
  integrations = integrations or native.steady(decoded) -- without the hook, so that no interrupt leaves it half done
end

local function integration_names()
  prepare()
  local names = {}
  for i, name in ipairs(integrations) do names[i] = name end
  return names
end

local integrations_space = namespace("app.integrations", integration_names, function(key, ask)
  prepare()
  if integrations[key] then return integrations[key] end
  -- Either a separately installed integration, which the parent looks up now, or a mistake, for which it returns an
  -- error.
  if ask then return native.steady(add, integrations, native.ask({ kind = "space", key = key }).integration) end
end)

local app = namespace("app", function() return { "integrations", "mcp" } end, function(key, ask)
  if key == "integrations" then return integrations_space end
  if key == "mcp" then return spaces.mcp(ask) end -- defined in `mcp.lua`
  if ask then native.raise(format("app has no `%s`; it has `integrations` and `mcp`", key)) end
end)

-- Return the values that the parent describes, in order.
function spaces.values(described, pieces)
  local values = {}
  for i, one in ipairs(described) do
    if one.form == "dict" or one.type and one.type ~= "" then prepare() end -- declares the record types
    values[i] = value_of(one, pieces)
  end
  return values
end

-- Set the catalogue's JSON, which is decoded when `app` is first used.
function spaces.prepare(text_of_catalogue) catalogue_text = text_of_catalogue end

-- Return a child of a namespace without asking the parent.
function spaces.child(space, name) return getmetatable(space).look(name, false) end

function spaces.names(space)
  local found = {}
  local metatable = getmetatable(space)
  for _, name in ipairs(metatable.all()) do
    found[name] = type(metatable.look(name, false) or space)
  end
  return found
end

-- Documentation ------------------------------------------------------------------------------------------------

local function documents(verb, name)
  return function(page)
    if page ~= nil and type(page) ~= "string" then
      native.raise(format("bad argument #1 to '%s' (string expected, got %s)", name, type(page)))
    end
    return answers(native.ask({ kind = "docs", verb = verb, page = page or "" }))
  end
end

function spaces.globals()
  local docs = { read = documents("read", "docs.read"), list = documents("list", "docs.list"), search = documents("search", "docs.search") }
  return { app = app, docs = docs, lua_read_doc = docs.read, lua_list_docs = docs.list, lua_search_docs = docs.search }
end

return spaces
