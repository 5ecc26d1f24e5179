-- expect: limit cpu_limit; state kept
-- The stop is told to the close handler of a coroutine that was not stopped itself: it must be unable to change it.
pcall(function()
  local held <close> = setmetatable({}, { __close = function(_, problem)
    if type(problem) == "table" then problem.stop, problem.message, problem.line = "spoof", print, {} end
  end })
  coroutine.wrap(function() while true do end end)()
end)
