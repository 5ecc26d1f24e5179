-- expect: error ~ "attack.lua:"
error("attack.lua:-1: x", 0)
