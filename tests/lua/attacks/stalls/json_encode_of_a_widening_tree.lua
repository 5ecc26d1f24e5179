-- expect: limit cpu_limit|memory_limit; state kept
local t = { 1 }
for _ = 1, 40 do t = { a = t, b = t } end
return json.encode(t)
