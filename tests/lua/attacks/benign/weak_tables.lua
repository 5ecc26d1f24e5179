-- expect: value 0
local weak, n = setmetatable({}, { __mode = "k" }), 0
for _ = 1, 100 do weak[{}] = true end
collectgarbage()
for _ in pairs(weak) do n = n + 1 end
return n
