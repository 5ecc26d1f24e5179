-- expect: error ~ "attack.lua:2: xxx"
error(("x"):rep(5 << 20))
