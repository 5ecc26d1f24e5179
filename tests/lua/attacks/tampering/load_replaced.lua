-- expect: nothing; state kept
load, collectgarbage, tonumber = function() return error end, error, function() return 0 / 0 end
