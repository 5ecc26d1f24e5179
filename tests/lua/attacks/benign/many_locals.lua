-- expect: value 190
local t = {}
for i = 1, 190 do t[i] = ("local v%d = 1 "):format(i) end
return load(table.concat(t) .. "return " .. ("v1 + "):rep(189) .. "v190")()
