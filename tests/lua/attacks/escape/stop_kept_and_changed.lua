-- expect: harmless
pcall(function()
  local held <close> = setmetatable({}, { __close = function(_, problem) Stop = problem end })
  coroutine.wrap(function() while true do end end)()
end)
-- next cell
if Stop then
  pcall(rawset, Stop, "stop", print)
  pcall(setmetatable, Stop, { __tostring = function() while true do end end })
  pcall(json.array, Stop)
  pcall(json.object, Stop)
  pcall(table.insert, Stop, 1)
  pcall(function() Stop.kind = "namespace" end)
end
coroutine.wrap(function() while true do end end)()
