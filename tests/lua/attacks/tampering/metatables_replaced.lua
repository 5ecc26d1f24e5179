-- expect: nothing; state kept
setmetatable, getmetatable = function() return {} end, function() return { __index = error } end
