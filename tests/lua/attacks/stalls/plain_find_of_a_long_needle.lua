-- expect: harmless
return (("a"):rep(1 << 20)):find(("a"):rep(1 << 19) .. "b", 1, true)
