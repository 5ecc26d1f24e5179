-- expect: value "joined"
return nil .. setmetatable({}, { __concat = function() return "joined" end })
