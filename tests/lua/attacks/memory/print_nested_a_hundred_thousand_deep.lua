-- expect: harmless
local t = {}
for _ = 1, 100000 do t = { t } end
print(t)
