-- `display`: show rich output from a script.
--
-- Each call sends one message to the parent, in order with printed text, and waits for no reply. The arguments are
-- checked here only to report mistakes with their line; the parent checks them again.

local native, json, records = ...
local find, format, select, type = string.find, string.format, select, type
local raise = native.raise

local MAX_ITEM_BYTES = 8 << 20 -- bytes of one displayed item
local MAX_ID_BYTES = 200 -- bytes of the name under which it can be updated

local display = {}

local function raise_bad_argument(position, name, expected, value)
  raise(format("bad argument #%d to '%s' (%s expected, got %s)", position, name, expected, value == nil and "no value" or type(value)))
end

-- Return a valid id as a text, or nil if the value is not one.
local function valid_id(value)
  if type(value) == "number" then value = format("%s", value) end
  return type(value) == "string" and #value > 0 and #value <= MAX_ID_BYTES and utf8.len(value) and value or nil
end

local function read_options(options, position, name)
  if options == nil then return {} end
  if type(options) ~= "table" then raise_bad_argument(position, name, "table", options) end
  local header = { update = options.update and true or false }
  if options.id ~= nil then
    header.id = valid_id(options.id) or raise(format("bad id to '%s' (a text of 1 to %d bytes expected)", name, MAX_ID_BYTES))
  end
  if header.update and not header.id then raise(format("'%s' can only update what has an id", name)) end
  return header
end

local function send(form, header, text)
  header.kind, header.form = "display", form
  native.tell(header, { text })
end

local function send_value(form, value, header)
  local description, text = records.describe(
    value, "value", MAX_ITEM_BYTES, form == "json" and json.write_value or json.write_wide
  )
  if form == "json" and description.form == "opaque" then
    raise(description.fault or format("display.json: a %s has no JSON form", type(value)))
  end
  description.blob = text and 1 or nil
  header.value = description
  send(form, header, text)
end

-- Define a function that displays markup or a picture from a text.
local function define_text_function(form)
  local name = "display." .. form
  display[form] = function(data, options)
    local text = records.text_of(data) or raise_bad_argument(1, name, "string", data)
    if #text > MAX_ITEM_BYTES then raise(format("%s: more than %d bytes", name, MAX_ITEM_BYTES)) end
    if form == "png" and not find(text, "^\137PNG\r\n\26\n") and not find(text, "^%s*iVBORw0KGgo") then
      raise("display.png: this is no PNG, neither its bytes nor their base64")
    end
    send(form, read_options(options, 2, name), text)
  end
end
for _, form in ipairs({ "html", "markdown", "svg", "png" }) do define_text_function(form) end

-- Display JSON: a text is parsed as JSON, any other value is encoded.
function display.json(data, options)
  local header = read_options(options, 2, "display.json")
  if type(data) == "string" then
    local ok, result = pcall(json.read, data)
    if not ok then
      if type(result) == "table" and rawget(result, "json") then raise("display.json: " .. result.json) end
      error(result, 0)
    end
    data = result
  end
  send_value("json", data, header)
end

function display.update(id, value, ...)
  if select("#", ...) > 0 then raise("display.update takes an id and a value; display.html(data, { id = \"x\", update = true }) updates markup") end
  local name = valid_id(id) or raise_bad_argument(1, "display.update", format("id of 1 to %d bytes", MAX_ID_BYTES), id)
  send_value("value", value, { id = name, update = true })
end

function display.clear(options)
  if options ~= nil and type(options) ~= "table" then raise_bad_argument(1, "display.clear", "table", options) end
  send("clear", { wait = options ~= nil and options.wait and true or false })
end

local function dropped_latex() raise("display.latex was dropped: display.svg shows a drawn formula, display.markdown its text") end

return debug.setmetatable(display, {
  __index = function(_, name) return name == "latex" and dropped_latex or nil end, -- a function, so that nothing lists it
  __metatable = false,
  __call = function(_, ...)
    local value, options = ...
    if select("#", ...) == 0 then raise_bad_argument(1, "display", "value", nil) end
    send_value("value", value, read_options(options, 2, "display"))
  end,
})
