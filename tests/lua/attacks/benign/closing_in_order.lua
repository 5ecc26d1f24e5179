-- expect: output "b\na\n"; value "done"
local function closer(name) return setmetatable({}, { __close = function() print(name) end }) end
do
  local a <close> = closer("a")
  local b <close> = closer("b")
end
return "done"
