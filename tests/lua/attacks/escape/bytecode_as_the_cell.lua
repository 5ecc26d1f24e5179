-- expect: error ~ "binary chunk"
-- repeat: 1
Lua
