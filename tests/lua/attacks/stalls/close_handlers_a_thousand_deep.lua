-- expect: limit cpu_limit
local slow = { __close = function() for _ = 1, 1e9 do end end }
local function f(n)
  local held <close> = setmetatable({}, slow)
  if n > 0 then f(n - 1) end
  while true do end
end
pcall(f, 50000)
