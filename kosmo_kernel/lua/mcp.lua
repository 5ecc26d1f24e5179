-- `app.mcp.*` and `mcp.*`: servers of the Model Context Protocol.
--
-- Reading or listing a namespace never starts a server. The parent knows the servers, and the tools of those that were
-- started already; it is asked only while a script runs, and once per run. Any name in a server's namespace may be a
-- tool; the parent checks it when it is called.

local native, spaces = ...
local format = string.format
local type = type

local servers = {} -- key in `app.mcp` -> its namespace
local configured_names, keys = {}, {} -- key in `app.mcp` -> the server's configured name; the keys in order
local servers_requested = false -- whether the list of servers was requested in this run

local function ask(verb, request)
  request = request or {}
  request.kind, request.verb = "mcp", verb
  return spaces.answers(request)
end

local function server_space(name, server_key)
  local closures, signatures, tool_names = {}, {}, {}
  local path = "app.mcp." .. server_key

  -- Request the tools that the parent knows, unless some are known already.
  local function load_tools()
    if #tool_names > 0 then return end
    local tools = ask("known", { server = name })
    tool_names, signatures = {}, {}
    for i, key in ipairs(tools.called) do tool_names[i], signatures[key] = key, tools.signatures[i] end
  end

  local function closure(key)
    local call_tool = closures[key]
    if not call_tool then
      call_tool = function(...)
        local results = table.pack(spaces.call("mcp." .. key, name, ...))
        load_tools()
        return table.unpack(results, 1, results.n)
      end
      closures[key] = call_tool
    end
    local signature = signatures[key] or key
    spaces.describe(call_tool, { signature = signature, title = format("%s.%s", path, signature) })
    return call_tool
  end

  return spaces.namespace(path, function() return tool_names end, function(key, may_ask)
    if may_ask then load_tools() end
    if may_ask or signatures[key] then return closure(key) end
  end, nil, function()
    if #tool_names == 0 then
      return format("its tools are known once it is asked something, as by mcp.tools(%q)", name)
    end
  end)
end

local function refresh()
  if servers_requested then return end
  local response = ask("usable")
  keys, configured_names, servers_requested = {}, {}, true
  for i, key in ipairs(response.called) do keys[i], configured_names[key] = key, response.names[i] end
end

local function space_of(key)
  servers[key] = servers[key] or server_space(configured_names[key], key)
  return servers[key]
end

local root = spaces.namespace("app.mcp", function() return keys end, function(key, may_ask)
  if configured_names[key] then return space_of(key) end
  if not may_ask then return nil end
  -- The key may be a configured name; the parent raises an error for others.
  local configured_name = ask("server", { server = key })
  for known_key, name in next, configured_names do
    if name == configured_name then return space_of(known_key) end
  end
  return server_space(configured_name, key)
end, nil, function()
  if #keys == 0 then return "no MCP server is configured and trusted; mcp.servers() lists all" end
end)

-- Return the namespace `app.mcp`; `may_ask` is true while a script runs.
function spaces.mcp(may_ask)
  if may_ask then refresh() end
  return root
end

-- Start a run: the configuration files may have changed.
function spaces.forget_servers() servers_requested = false end

-- Functions --------------------------------------------------------------------------------------------------------

local function require_text(name, position, value)
  if type(value) == "string" then return value end
  native.raise(format("bad argument #%d to '%s' (string expected, got %s)", position, name, type(value)))
end

local mcp = {}

function mcp.servers() return ask("servers") end

function mcp.tools(server) return ask("tools", { server = require_text("mcp.tools", 1, server) }) end

function mcp.schema(path) return ask("schema", { path = require_text("mcp.schema", 1, path) }) end

function mcp.call(path, ...) return spaces.call("mcp." .. require_text("mcp.call", 1, path), nil, ...) end

return mcp
