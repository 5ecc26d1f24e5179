-- `heroku.tables.<name>()`: the tables of a service, questions whose answers several reports share.
--
-- A table is a file of Lua that comes with the package. It is fetched from the parent when a script first calls it, and
-- runs in this state with the account of the call, so that its own calls count like those of the script. It sees the
-- library as it was before any script ran, its service as `heroku`, and no variables of scripts. Its rows become records
-- with all columns of the table, in order; a column without a value is null.
--
-- With `{ errors = "collect" }`, what cannot be read of single items, such as the processes of one app, is left out of the
-- rows, and a second value has the failures.

local native, json, spaces, environment = ...
local concat, format, gsub = table.concat, string.format, string.gsub
local load, next, rawget, select, type = load, next, rawget, select, type

local NAME = "tables" -- in the namespace of a service

-- Return a copy of the library, which scripts can change otherwise.
local function copy_of_library()
  local library = {}
  for name, value in next, environment do
    if type(value) == "table" and value ~= environment and not native.ours(value) then
      local copy = {}
      for key, field in next, value do copy[key] = field end
      value = copy
    end
    if value ~= environment then library[name] = value end
  end
  return library
end
local library = copy_of_library()

local function records_of(rows, columns, path)
  if type(rows) ~= "table" then native.raise(format("%s returned %s and no list", path, type(rows))) end
  native.touch(rows)
  for i = 1, #rows do rows[i] = json.record(rows[i], columns) end
  return json.array_of(rows)
end

-- Return whether an argument is `{ errors = "collect" }`.
local function collects(options)
  if type(options) ~= "table" or native.ours(options) then return false end
  local name, mode = next(options)
  return name == "errors" and mode == "collect" and next(options, name) == nil
end

-- Return the namespace of the tables of an account.
--
-- Parameters: `path`, that of the namespace of the account; `integration`, the service;
-- `service_space(inside, failures)`, which returns the namespace of the account for the Lua of a table, where `inside` has
-- the tables that are being made, and `failures`, if it is given, gets what could not be read.
function spaces.tables(path, integration, service_space, inside)
  path = path .. "." .. NAME
  local closures = {}

  local function load_table(name, failures)
    local question = native.ask({ kind = "table", integration = integration.name, name = name })
    local chain = { table.unpack(inside) }
    for _, outer in ipairs(chain) do
      if outer == name then
        native.raise(format("%s.%s needs itself: %s -> %s", path, name, concat(chain, " -> "), name))
      end
    end
    chain[#chain + 1] = name
    local globals = setmetatable({ [integration.name] = service_space(chain, failures) }, { __index = library })
    local chunk, problem = load(question.source, "@kosmo/" .. gsub(name, "%W", "_"), "t", globals)
    return chunk or native.raise(problem), question.columns
  end

  local function closure_of(name)
    if closures[name] then return closures[name] end
    local full_name, chunk, columns = path .. "." .. name, nil, nil
    local closure
    function closure(...)
      if native.is_namespace((...)) then return closure(select(2, ...)) end
      if select("#", ...) > 0 then
        if select("#", ...) > 1 or not collects(...) then
          native.raise(full_name .. ' takes no arguments but { errors = "collect" }')
        end
        local failures = {}
        local collecting, its_columns = load_table(name, failures)
        return records_of(collecting(), its_columns, full_name), json.array_of(failures)
      end
      if not chunk then chunk, columns = load_table(name) end
      return records_of(chunk(), columns, full_name)
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
