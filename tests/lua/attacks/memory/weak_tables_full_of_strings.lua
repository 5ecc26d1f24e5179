-- expect: limit memory_limit|cpu_limit
local weak = setmetatable({}, { __mode = "kv" })
for i = 1, 1e9 do weak["k" .. i] = "v" .. i end
