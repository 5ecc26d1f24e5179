-- expect: harmless
return load(("x = 'long' "):rep(1 << 20))
