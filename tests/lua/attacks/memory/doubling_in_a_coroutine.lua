-- expect: limit memory_limit; state kept
coroutine.wrap(function()
  local text = "x"
  while true do pcall(function() text = text .. text end) end
end)()
