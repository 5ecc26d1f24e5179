-- `heroku.tables.<name>()`: the tables of a service, questions whose answers several reports share.
--
-- A table is a file of Lua. It is fetched from the parent when a script first calls it, and runs in this state with the
-- account of the call, so that its own calls count like those of the script. It sees the library as it was before any
-- script ran, its service as `heroku`, its parameters, and no variables of scripts. Its rows become records with all
-- columns of the table, in the order that its head states; a column without a value is null.
--
-- With `{ errors = "collect" }`, what cannot be read is left out of the rows, and a second value has the failures. The Lua
-- of a table asks `was_read(name, item)` where a cell would be wrong for want of a list, or of that of one item.

local native, json, records, spaces, environment = ...
local concat, format, gsub, sort = table.concat, string.format, string.gsub, table.sort
local getmetatable = debug.getmetatable
local ipairs, load, next, rawget, select, tostring, type = ipairs, load, next, rawget, select, tostring, type

local NAME = "tables" -- in the namespace of a service
local FAILURE = records.row_type("failures", { "type", "status", "id", "message", "request_id" })

-- Return a copy of the library, which scripts can change otherwise.
local function copy_of(library)
  local copies = {}
  for name, value in next, library do
    if type(value) == "table" and value ~= environment and not native.ours(value) then
      local copy = {}
      for key, field in next, value do copy[key] = field end
      value = copy
    end
    if value ~= environment then copies[name] = value end
  end
  return copies
end
local library, originals = copy_of(environment), {}
for name in next, library do originals[name] = environment[name] end

-- Return the environment of a question: a copy of the library as it was before any script ran, and the services.
function native.new_environment()
  local globals = copy_of(library)
  for name, value in next, globals do
    if value ~= library[name] then debug.setmetatable(value, getmetatable(originals[name])) end
  end
  for name, space in next, spaces.of_services() do globals[name] = space end
  globals._G = globals
  return debug.setmetatable(globals, getmetatable(environment))
end

-- The number of calls of tables with `fresh = true`. The requests of such a table have its number as their reading, those
-- of all other tables 0: they take the answers that the session has kept.
local readings = 0

-- Sort the rows by columns: texts from A to Z, or numbers from the largest one on. Equal rows keep their order.
local function sort_rows(rows, order)
  local places = {}
  for i, row in ipairs(rows) do places[row] = i end
  sort(rows, function(a, b)
    for _, column in ipairs(order) do
      local x, y = rawget(a, column.name), rawget(b, column.name)
      if column.descends then
        x, y = x or 0, y or 0
        if x ~= y then return x > y end
      else
        x, y = tostring(x or ""), tostring(y or "")
        if x ~= y then return x < y end
      end
    end
    return places[a] < places[b]
  end)
end

local function records_of(rows, question, path)
  if type(rows) ~= "table" then native.raise(format("%s returned %s and no list", path, type(rows))) end
  native.touch(rows)
  if question.order[1] then sort_rows(rows, question.order) end
  question.type = question.type or records.table_type(path, question.columns)
  for i = 1, #rows do rows[i] = json.record(rows[i], question.columns, question.type.row) end
  return records.list_of(question.type, rows)
end

-- Return whether the arguments of a table have `errors = "collect"`, whether they have `fresh = true`, and the values of
-- its parameters.
local function read_arguments(path, question, ...)
  local given, collects, fresh, values, names = ..., false, false, {}, {}
  for _, parameter in ipairs(question.parameters) do
    names[#names + 1] = parameter.name
    values[parameter.name] = load("return " .. parameter.default, "=default", "t", {})()
  end
  local count, is_empty = select("#", ...), true
  local is_table = count == 1 and type(given) == "table"
  local is_valid = count == 0 or count == 1 and spaces.has_named_arguments(given)
  for name, value in next, is_valid and given or {} do
    is_empty = false
    if name == "errors" and value == "collect" then collects = true
    elseif name == "fresh" and type(value) == "boolean" then fresh = value
    elseif values[name] ~= nil and type(value) == type(values[name]) then values[name] = value
    else is_valid = false end
  end
  if is_valid and not (is_empty and count > 0) then return collects, fresh, values end
  names = concat({ 'errors = "collect"', "fresh = true", table.unpack(names) }, ", ")
  local advice = ""
  for name, value in next, is_table and given or {} do
    if type(name) == "string" and string.find(name, "^[%a_][%w_]*$") and type(value) == "string" and #value <= 60 then
      advice = format(". Write list.filter(%s(), { %s = %s })", path, name, native.quoted(value))
    end
  end
  native.raise(format("%s takes no arguments but %s%s", path, names, advice))
end

-- Raise an error if a table that collects failures could not be made: none of the lists that it needs could be read, or, if
-- its head names none, it has no rows and a list is missing.
local function check_needs(path, question, rows, service, context)
  local missing, read = nil, #question.needs == 0 and #rows > 0
  for name, gap in next, context.gaps do if gap.is_missing then missing = missing or name end end
  for _, name in ipairs(question.needs) do
    local gap = context.gaps[service .. "." .. name]
    read = read or not (gap and gap.is_missing)
  end
  if missing and not read then
    native.raise(format("%s could not be read: %s", path, context.failures[1].message))
  end
end

-- Return the namespace of the tables of an account.
--
-- Parameters: `path`, that of the namespace of the account; `integration`, the service; `service_space(inside, context)`,
-- which returns the namespace of the account for the Lua of a table; `inside`, the tables that are being made; `context`,
-- what these have in common, nil for a script; `account`, whose time is that of the data, nil for that of the run; `now`,
-- the time of an archive.
function spaces.tables(path, integration, service_space, inside, context, account, now)
  path = path .. "." .. NAME
  local closures = {}

  local function run_table(name, question, of_table, values)
    local chain = { table.unpack(inside) }
    for _, outer in ipairs(chain) do
      if outer == name then
        native.raise(format("%s.%s needs itself: %s -> %s", path, name, concat(chain, " -> "), name))
      end
    end
    chain[#chain + 1] = name
    local globals = setmetatable({ [integration.name] = service_space(chain, of_table) }, { __index = library })
    local moment = now or account and native.ask({ kind = "now", account = account }).now
    if moment then globals.time = native.time_at(moment) end
    for parameter, value in next, values do globals[parameter] = value end
    function globals.was_read(list, item)
      local gap = of_table.gaps[integration.name .. "." .. list]
      return gap == nil or item ~= nil and not gap.is_unknown and not gap.is_missing and not gap.items[item]
    end
    local chunk, problem = load(question.source, "@kosmo/" .. gsub(name, "%W", "_"), "t", globals)
    return records_of((chunk or native.raise(problem))(), question, path .. "." .. name)
  end

  local function closure_of(name)
    if closures[name] then return closures[name] end
    local full_name, question = path .. "." .. name, nil
    local closure
    function closure(...)
      if native.is_namespace((...)) then return closure(select(2, ...)) end
      question = question or native.ask({ kind = "table", integration = integration.name, name = name })
      local collects, fresh, values = read_arguments(full_name, question, ...)
      local of_table = context
      if not context or fresh or collects and not context.collects then
        readings = fresh and readings + 1 or readings
        of_table = {
          collects = collects, failures = {}, gaps = {}, results = {},
          reading = fresh and readings or context and context.reading or 0,
        }
      end
      local rows = run_table(name, question, of_table, values)
      if of_table ~= context then check_needs(full_name, question, rows, integration.name, of_table) end
      if collects then return rows, records.list_of(FAILURE, of_table.failures) end
      return rows
    end
    spaces.describe(closure, { signature = name .. "()", title = full_name .. "()" })
    closures[name] = closure
    return closure
  end

  local function names() return integration.tables or {} end
  return spaces.namespace(path, names, function(key, may_ask)
    for _, name in ipairs(names()) do
      if name == key then return closure_of(name) end
    end
    if may_ask then native.ask({ kind = "table", integration = integration.name, name = key }) end -- an error
  end)
end
