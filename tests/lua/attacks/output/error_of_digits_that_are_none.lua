-- expect: error ~ "attack.lua:"
error("attack.lua:²: x", 0)
