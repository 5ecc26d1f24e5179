-- expect: value true
local t, seed = {}, 42
for i = 1, 10000 do seed = (seed * 1103515245 + 12345) % 2147483648 t[i] = seed end
table.sort(t)
for i = 2, #t do if t[i - 1] > t[i] then return false end end
return true
