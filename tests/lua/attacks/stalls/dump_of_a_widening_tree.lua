-- expect: harmless
local t = { 1 }
for _ = 1, 40 do t = { a = t, b = t } end
dump(t)
