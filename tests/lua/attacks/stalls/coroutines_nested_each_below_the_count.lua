-- expect: limit cpu_limit; state kept
local function f(depth)
  if depth == 0 then for _ = 1, 800 do end return end
  for _ = 1, 30 do coroutine.wrap(f)(depth - 1) end
end
f(7)
