-- expect: error ~ "x"
load("error('x')", "=" .. ("n"):rep(1 << 20))()
