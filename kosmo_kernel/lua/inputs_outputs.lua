-- Set the globals that a run takes as inputs, and describe its results and the requested variables for the parent.

local native, json, records, cells, spaces = ...
local format, ipairs, next, rawequal, rawget, rawset = string.format, ipairs, next, rawequal, rawget, rawset

local inputs_outputs = {}

-- Set globals of an environment to values from the parent: all of them, or none if memory runs out. A kept local of the
-- same name from an earlier cell would hide the global, so it is dropped.
function inputs_outputs.take(environment, inputs, texts)
  local values = spaces.values(inputs, texts)
  for i, input in ipairs(inputs) do
    cells.drop(input.name)
    rawset(environment, input.name, values[i])
  end
end

-- Return a function that restores all variables. Changes inside tables that existed before are not undone.
function inputs_outputs.remember()
  local environment, globals, restore_locals = native.environment, {}, cells.remember()
  for name, value in next, environment do globals[name] = value end
  return function()
    for name in next, environment do
      if rawequal(globals[name], nil) then rawset(environment, name, nil) end
    end
    for name, value in next, globals do rawset(environment, name, value) end
    restore_locals()
  end
end

-- Return the descriptions of a run's results and of the requested variables, and their texts, of at most `bytes_left`
-- bytes in all. No code of the script runs here, but its data may be large or deeply nested.
function inputs_outputs.give(results, names, bytes_left)
  local texts = {}
  local function add_description(descriptions, value, path)
    local description, text = records.describe(value, path, bytes_left, json.write_wide)
    description.blob = text and #texts + 1 or nil
    texts[#texts + 1] = text
    descriptions[#descriptions + 1] = description
    bytes_left = bytes_left - #(text or "")
  end
  local values, outputs = json.array_of({}), json.array_of({})
  for i = 1, results.n do add_description(values, results[i], results.n > 1 and format("result[%d]", i) or "result") end
  for _, name in ipairs(names) do
    local value, is_local = cells.get(name)
    if not is_local then value = rawget(native.environment, name) end
    add_description(outputs, value, name)
  end
  return values, outputs, texts
end

return inputs_outputs
