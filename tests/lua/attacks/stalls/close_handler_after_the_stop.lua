-- expect: limit cpu_limit; state kept
local function f()
  local held <close> = setmetatable({}, { __close = function()
    while true do pcall(function() while true do end end) end
  end })
  while true do end
end
pcall(f)
f()
