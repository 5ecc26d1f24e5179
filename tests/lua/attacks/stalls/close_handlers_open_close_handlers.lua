-- expect: limit cpu_limit; state kept
local events = {}
function events.__close()
  local held <close> = setmetatable({}, events)
  while true do end
end
pcall(function()
  local held <close> = setmetatable({}, events)
  while true do end
end)
