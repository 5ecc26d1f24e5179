-- expect: harmless
return load(("("):rep(100000))
