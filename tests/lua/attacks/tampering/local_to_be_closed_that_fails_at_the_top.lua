-- expect: error ~ "tampered"
local held <close> = setmetatable({}, { __close = function() error("tampered") end })
