-- expect: values [3, true]
local limit <const> = 3
return limit, load("local x <const> = 1; x = 2") == nil
