-- expect: harmless
return #(""):rep(1 << 60)
