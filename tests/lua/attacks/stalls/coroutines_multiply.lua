-- expect: limit cpu_limit; state kept
local function f(depth)
  if depth == 0 then return end
  for _ = 1, 60 do coroutine.wrap(f)(depth - 1) end
end
f(8)
