-- expect: harmless
return setmetatable({ 1 }, setmetatable({}, { __index = function() while true do end end }))
