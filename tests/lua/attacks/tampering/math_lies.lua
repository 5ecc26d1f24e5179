-- expect: nothing; state kept
math.huge, math.type, math.floor, math.maxinteger = 1, function() return "float" end, function() return -1 end, -1
