-- expect: error ~ "x"
load("error('x')", "=\255\254")()
