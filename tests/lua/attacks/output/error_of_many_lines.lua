-- expect: error ~ "attack.lua:2: line"
error(("line\n"):rep(5000))
