-- expect: values ["string", "string"]
local kinds = {}
local function watch(f, ...)
  local arguments = table.pack(...)
  pcall(function()
    local held <close> = setmetatable({}, { __close = function(_, problem) kinds[#kinds + 1] = type(problem) end })
    f(table.unpack(arguments, 1, arguments.n))
  end)
end
watch(json.decode, "x")
watch(json.encode, print)
return table.unpack(kinds)
