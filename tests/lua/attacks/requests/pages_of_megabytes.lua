-- expect: harmless
return #docs.search(("x "):rep(1 << 20)), pcall(docs.read, ("x"):rep(1 << 20))
