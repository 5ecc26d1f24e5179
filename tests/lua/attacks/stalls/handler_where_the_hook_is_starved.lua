-- expect: limit cpu_limit
local function chain(depth, bottom)
  local f = bottom
  for _ = 1, depth do
    local t = setmetatable({}, { __index = f })
    f = function() return t.x end
  end
  return f
end
for depth = 150, 230 do
  xpcall(chain(depth, function() for _ = 1, 1e4 do end end), function() while true do end end)
end
while true do end
