-- `app.mcp.*` and `mcp.*`: servers of the Model Context Protocol.
--
-- Reading or listing a namespace never starts a server. The parent knows the servers, and the tools of those that were
-- started already; it is asked only while a script runs, and once per run. Any name in a server's namespace may be a
-- tool; the parent checks it when it is called.

local native, spaces = ...
local format = string.format
local type = type

local servers = {} -- key in `app.mcp` -> its namespace
local listed, order = {}, {} -- key in `app.mcp` -> the server's configured name; the keys in order
local asked = false -- whether the list of servers was requested in this run

local function ask(verb, question)
  question = question or {}
  question.kind, question.verb = "mcp", verb
  return spaces.answers(question)
end

local function server_space(name, called)
  local closures, signatures, known = {}, {}, {}
  local path = "app.mcp." .. called

  -- Request the tools that the parent knows, unless some are known already.
  local function learn()
    if #known > 0 then return end
    local found = ask("known", { server = name })
    known, signatures = {}, {}
    for i, key in ipairs(found.called) do known[i], signatures[key] = key, found.signatures[i] end
  end

  local function closure(key)
    local one = closures[key]
    if not one then
      one = function(...)
        local answer = table.pack(spaces.call("mcp." .. key, name, ...))
        learn()
        return table.unpack(answer, 1, answer.n)
      end
      closures[key] = one
    end
    local signature = signatures[key] or key
    spaces.describe(one, { signature = signature, title = format("%s.%s", path, signature) })
    return one
  end

  return spaces.namespace(path, function() return known end, function(key, asks)
    if asks then learn() end
    if asks or signatures[key] then return closure(key) end
  end, nil, function()
    if #known == 0 then return format("its tools are known once it is asked something, as by mcp.tools(%q)", name) end
  end)
end

local function refresh()
  if asked then return end
  local found = ask("usable")
  order, listed, asked = {}, {}, true
  for i, called in ipairs(found.called) do order[i], listed[called] = called, found.names[i] end
end

local function space_of(called)
  servers[called] = servers[called] or server_space(listed[called], called)
  return servers[called]
end

local tree = spaces.namespace("app.mcp", function() return order end, function(key, asks)
  if listed[key] then return space_of(key) end
  if not asks then return nil end
  local own = ask("server", { server = key }) -- a configured name used as a key; the parent raises an error for others
  for called, name in next, listed do
    if name == own then return space_of(called) end
  end
  return server_space(own, key)
end, nil, function()
  if #order == 0 then return "no MCP server is configured and trusted; mcp.servers() lists all" end
end)

-- Return the namespace `app.mcp`; `asks` is true while a script runs.
function spaces.mcp(asks)
  if asks then refresh() end
  return tree
end

-- Start a run: the configuration files may have changed.
function spaces.forget_servers() asked = false end

-- Functions --------------------------------------------------------------------------------------------------------

local function text_of(name, place, value)
  if type(value) == "string" then return value end
  native.raise(format("bad argument #%d to '%s' (string expected, got %s)", place, name, type(value)))
end

local mcp = {}

function mcp.servers() return ask("servers") end

function mcp.tools(server) return ask("tools", { server = text_of("mcp.tools", 1, server) }) end

function mcp.schema(path) return ask("schema", { path = text_of("mcp.schema", 1, path) }) end

function mcp.call(path, ...) return spaces.call("mcp." .. text_of("mcp.call", 1, path), nil, ...) end

function mcp.resources(server) return ask("resources", { server = text_of("mcp.resources", 1, server) }) end

function mcp.read_resource(server, uri)
  return ask("read_resource", { server = text_of("mcp.read_resource", 1, server), uri = text_of("mcp.read_resource", 2, uri) })
end

function mcp.prompts(server) return ask("prompts", { server = text_of("mcp.prompts", 1, server) }) end

function mcp.get_prompt(server, name, arguments)
  return ask("get_prompt", {
    server = text_of("mcp.get_prompt", 1, server), name = text_of("mcp.get_prompt", 2, name), arguments = arguments,
  })
end

return mcp
