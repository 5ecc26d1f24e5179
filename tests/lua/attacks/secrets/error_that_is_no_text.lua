-- expect: error ~ "attack.lua:2"
error("\255\254\0\27[31m")
