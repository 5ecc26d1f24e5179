-- `display`: show rich output from a script.
--
-- Each call sends one message to the parent, in order with printed text, and waits for no reply. The arguments are
-- checked here only to report mistakes with their line; the parent checks them again.

local native, json, records = ...
local find, format, select, type = string.find, string.format, select, type
local raise = native.raise

local MOST = 8 << 20 -- bytes of one displayed item
local ID_MOST = 200 -- bytes of the name under which it can be updated

local shown = {}

local function argument(position, name, wanted, value)
  raise(format("bad argument #%d to '%s' (%s expected, got %s)", position, name, wanted, value == nil and "no value" or type(value)))
end

-- Return a valid id as a text, or nil if the value is not one.
local function id_of(value)
  if type(value) == "number" then value = format("%s", value) end
  return type(value) == "string" and #value > 0 and #value <= ID_MOST and utf8.len(value) and value or nil
end

local function settings(given, position, name)
  if given == nil then return {} end
  if type(given) ~= "table" then argument(position, name, "table", given) end
  local found = { update = given.update and true or false }
  if given.id ~= nil then
    found.id = id_of(given.id) or raise(format("bad id to '%s' (a text of 1 to %d bytes expected)", name, ID_MOST))
  end
  if found.update and not found.id then raise(format("'%s' can only update what has an id", name)) end
  return found
end

local function send(form, header, piece)
  header.kind, header.form = "display", form
  native.tell(header, { piece })
end

local function send_value(form, value, header)
  local described, piece = records.describe(value, "value", MOST, form == "json" and json.write_value or json.write_wide)
  if form == "json" and described.form == "opaque" then raise(described.fault or format("display.json: a %s has no JSON form", type(value))) end
  described.blob = piece and 1 or nil
  header.value = described
  send(form, header, piece)
end

-- Define a function that displays markup or a picture from a text.
local function texts(form)
  local name = "display." .. form
  shown[form] = function(data, options)
    local text = records.text_of(data) or argument(1, name, "string", data)
    if #text > MOST then raise(format("%s: more than %d bytes", name, MOST)) end
    if form == "png" and not find(text, "^\137PNG\r\n\26\n") and not find(text, "^%s*iVBORw0KGgo") then
      raise("display.png: this is no PNG, neither its bytes nor their base64")
    end
    send(form, settings(options, 2, name), text)
  end
end
for _, form in ipairs({ "html", "markdown", "svg", "png", "latex" }) do texts(form) end

-- Display JSON: a text is parsed as JSON, any other value is encoded.
function shown.json(data, options)
  local header = settings(options, 2, "display.json")
  if type(data) == "string" then
    local ok, answer = pcall(json.read, data)
    if not ok then
      if type(answer) == "table" and rawget(answer, "json") then raise("display.json: " .. answer.json) end
      error(answer, 0)
    end
    data = answer
  end
  send_value("json", data, header)
end

function shown.update(id, value, ...)
  if select("#", ...) > 0 then raise("display.update takes an id and a value; display.html(data, { id = \"x\", update = true }) updates markup") end
  local name = id_of(id) or argument(1, "display.update", format("id of 1 to %d bytes", ID_MOST), id)
  send_value("value", value, { id = name, update = true })
end

function shown.clear(options)
  if options ~= nil and type(options) ~= "table" then argument(1, "display.clear", "table", options) end
  send("clear", { wait = options ~= nil and options.wait and true or false })
end

return debug.setmetatable(shown, {
  __metatable = false,
  __call = function(_, ...)
    local value, options = ...
    if select("#", ...) == 0 then argument(1, "display", "value", nil) end
    send_value("value", value, settings(options, 2, "display"))
  end,
})
