-- Globals that a script has not set: the names of integrations, and Python's `True`, `False` and `None`, which would read
-- as nil without a word.
--
-- Those that Lua starts with are ordinary variables, so that a script, a parameter or an input of the same name wins.
-- An integration that was installed separately is looked up when a script first uses its name like a namespace, because
-- the parent's search for such integrations takes long.

local native, spaces, positions, environment, missing_names = ...
local find, rawget, rawset, type = string.find, rawget, rawset, type

local globals = {}

function globals.prepare(spaces_by_name)
  for name, space in next, spaces_by_name do
    if rawget(environment, name) == nil then rawset(environment, name, space) end
  end
end

-- Return whether the script's text has `name.`, `name[` or `name:`.
local function is_used_as_namespace(name)
  local source = positions.user_source(4) -- level 1 is this function, 2 its caller, 3 `__index`
  return source ~= nil and find(source, "%f[%w_]" .. name .. "%s*[%.%[:]") ~= nil
end

local PYTHON_WORDS = { True = "true", False = "false", None = "nil" }

debug.setmetatable(environment, native.register {
  kind = "globals",
  __index = function(_, name)
    local word = PYTHON_WORDS[name]
    if word then native.raise(string.format("`%s` is not set; Lua writes `%s`", name, word)) end
    if type(name) == "string" and find(name, "^%l[%l%d_]*$") and is_used_as_namespace(name) then
      local space = spaces.installed(name)
      if space then return space end
    end
    missing_names.check_network(name)
  end,
})

return globals
