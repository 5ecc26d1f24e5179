-- expect: nothing; state kept
local _ = setmetatable(_G, { kind = "namespace", path = "spoof", list = function() while true do end end, look = error, type = { root = true } })
