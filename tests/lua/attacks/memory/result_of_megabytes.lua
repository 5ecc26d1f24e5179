-- expect: harmless
return ("x"):rep(20 << 20)
