-- expect: nothing; state kept
local _ = setmetatable(_G, { __index = function() while true do end end })
