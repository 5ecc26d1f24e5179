-- expect: harmless
for _ = 1, 20 do display(("x"):rep(4 << 20)) end
