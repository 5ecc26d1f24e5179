-- expect: limit cpu_limit
local function chain(depth, bottom)
  local f = bottom
  for _ = 1, depth do
    local inner = f
    f = function() return coroutine.wrap(inner)() end
  end
  return f
end
while true do
  for depth = 20, 220 do pcall(chain(depth, function() for _ = 1, 1e5 do end end)) end
end
