-- expect: value 1; output ~ "cut here"
io.write(("x"):rep(2 << 20))
return 1
