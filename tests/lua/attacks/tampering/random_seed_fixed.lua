-- expect: nothing; state kept
math.randomseed(1, 1)
math.random = function() return 0 end
