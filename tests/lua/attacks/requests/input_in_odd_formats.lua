-- expect: error ~ "attack.lua:2"
return io.read({})
