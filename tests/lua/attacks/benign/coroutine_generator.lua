-- expect: value [1, 4, 9, 16]
local function squares(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i * i) end end) end
local t = {}
for v in squares(4) do t[#t + 1] = v end
return t
