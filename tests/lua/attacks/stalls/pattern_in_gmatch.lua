-- expect: harmless
for _ in ("a"):rep(200000):gmatch("a*b") do end
