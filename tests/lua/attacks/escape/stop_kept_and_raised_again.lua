-- expect: error ~ "stopped"
pcall(function()
  local held <close> = setmetatable({}, { __close = function(_, problem) Stop = problem end })
  coroutine.wrap(function() while true do end end)()
end)
-- next cell
error(Stop or "the script was stopped")
