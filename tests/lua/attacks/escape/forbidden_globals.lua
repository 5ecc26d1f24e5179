-- expect: value []
local names = "debug package require dofile loadfile loadstring module setfenv getfenv newproxy unpack python lupa arg bit32 ffi jit"
local found = {}
for name in names:gmatch("%S+") do if _G[name] ~= nil then found[#found + 1] = name end end
return json.array(found)
