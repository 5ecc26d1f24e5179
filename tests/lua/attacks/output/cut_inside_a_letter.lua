-- expect: value 1
io.write("x", ("é"):rep(1 << 20))
return 1
