-- expect: harmless
print({ ("x"):rep(6 << 20), { ("y"):rep(6 << 20) } })
