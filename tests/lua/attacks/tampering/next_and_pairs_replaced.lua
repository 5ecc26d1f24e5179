-- expect: nothing; state kept
next, pairs, ipairs = function() return 1, 1 end, function() return function() return 1 end end, error
