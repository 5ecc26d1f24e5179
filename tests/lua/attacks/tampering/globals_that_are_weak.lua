-- expect: nothing; state kept
local _ = setmetatable(_G, { __mode = "kv" })
local _ = collectgarbage()
