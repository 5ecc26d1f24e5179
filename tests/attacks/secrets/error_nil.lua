-- expect: error ~ "nil"
error()
