-- expect: limit memory_limit|cpu_limit
local t = {}
while true do t[#t + 1] = load("return { " .. ("1, "):rep(5000) .. "}") end
