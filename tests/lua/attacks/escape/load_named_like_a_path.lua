-- expect: error ~ "x"
load("error('x')", "@/etc/passwd")()
