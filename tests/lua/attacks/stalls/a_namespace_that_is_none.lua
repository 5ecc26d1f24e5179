-- expect: harmless
return setmetatable({}, { kind = "namespace", path = "x", list = function() while true do end end })
