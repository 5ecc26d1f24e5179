-- expect: limit cpu_limit|memory_limit
local weak = setmetatable({}, { __mode = "v" })
for i = 1, 100000 do weak[i] = {} end
while true do collectgarbage("collect") end
