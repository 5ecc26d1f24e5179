-- expect: error ~ "nil value"
local t = {}
return t["\255"].x
