-- expect: limit cpu_limit
-- At exactly the last level of C calls Lua still runs, but the hook that looks at the clock cannot be called.
local function chain(depth, bottom)
  local f = bottom
  for _ = 1, depth do
    local t = setmetatable({}, { __index = f })
    f = function() return t.x end
  end
  return f
end
local starved
for depth = 100, 230 do
  local reached = false
  local ok = pcall(chain(depth, function() reached = true for _ = 1, 1e4 do end end))
  if not ok and reached then starved = depth break end
end
local f = chain(starved or 10, function() while true do end end)
while true do pcall(f) end
