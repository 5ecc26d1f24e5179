-- expect: error ~ "x"
local t = { ["\255\27[31m"] = function() error("x") end }
t["\255\27[31m"]()
