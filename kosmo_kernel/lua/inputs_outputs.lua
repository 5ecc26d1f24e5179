-- What goes into a run and what comes out: globals that are set for it, what it returned, variables asked for.

local native, json, records, cells, spaces = ...
local format, ipairs, next, rawequal, rawget, rawset = string.format, ipairs, next, rawequal, rawget, rawset

local inputs_outputs = {}

-- Set globals to values from the parent: all of them, or none where there is no room for one. A top-level local of
-- that name from an earlier cell would hide the global, so it is let go of.
function inputs_outputs.take(inputs, pieces)
  local values = spaces.values(inputs, pieces)
  for i, input in ipairs(inputs) do
    cells.drop(input.name)
    rawset(native.environment, input.name, values[i])
  end
end

-- Remember all variables; the result puts them back. What is in a table that was there before is not looked after.
function inputs_outputs.remember()
  local environment, globals, put_locals_back = native.environment, {}, cells.remember()
  for name, value in next, environment do globals[name] = value end
  return function()
    for name in next, environment do
      if rawequal(globals[name], nil) then rawset(environment, name, nil) end
    end
    for name, value in next, globals do rawset(environment, name, value) end
    put_locals_back()
  end
end

-- What a run returned, and the variables that the parent asks for, as it is told of them: at most so many bytes. No
-- code of the script runs here, but its data may be large or tangled.
function inputs_outputs.give(results, names, most)
  local pieces = {}
  local function told(list, value, path)
    local described, piece = records.describe(value, path, most, json.write_wide)
    described.blob = piece and #pieces + 1 or nil
    pieces[#pieces + 1] = piece
    list[#list + 1] = described
    most = most - #(piece or "")
  end
  local values, outputs = json.array_of({}), json.array_of({})
  for i = 1, results.n do told(values, results[i], results.n > 1 and format("result[%d]", i) or "result") end
  for _, name in ipairs(names) do
    local value, is_local = cells.get(name)
    if not is_local then value = rawget(native.environment, name) end
    told(outputs, value, name)
  end
  return values, outputs, pieces
end

return inputs_outputs
