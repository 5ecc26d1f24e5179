-- expect: values [true, true, false, 1, "x"]
local t = { [1] = "x" }
return 1 == 1.0, math.type(2 ^ 53) == "float", 1 == "1", #{ n = 1, 10 }, t[1.0]
