-- expect: nothing; state kept
pcall, xpcall, error, assert = function() return true end, function() return true end, function() end, function() end
