-- expect: nothing; state kept
local _ = setmetatable(_G, { __newindex = function() error("tampered") end })
