-- expect: harmless
io.write(("x"):rep(12 << 20))
