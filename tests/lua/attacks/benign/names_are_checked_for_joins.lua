-- expect: error ~ "attempt to concatenate a nil value (local 'missing')"
local missing
return "x" .. missing
