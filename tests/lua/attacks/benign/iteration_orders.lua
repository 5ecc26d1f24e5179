-- expect: values [6, 2, null, "abc"]
local sum, keys = 0, {}
for _, v in ipairs({ 1, 2, 3, nil, 5 }) do sum = sum + v end
local t = { a = 1, b = 2, c = 3 }
for k in pairs(t) do keys[#keys + 1] = k end
table.sort(keys)
for k in pairs(t) do if k ~= "b" then t[k] = nil end end
return sum, t.b, (next({})), table.concat(keys)
