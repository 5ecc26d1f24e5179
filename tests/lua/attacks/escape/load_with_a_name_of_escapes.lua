-- expect: error ~ "x"
load("error('x')", "=a\nb\27[31m")()
