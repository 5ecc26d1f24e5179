-- expect: values ["number", true, 0]
local before = collectgarbage("count")
local t = {}
for i = 1, 10000 do t[i] = {} end
return type(before), collectgarbage("count") > before, collectgarbage()
