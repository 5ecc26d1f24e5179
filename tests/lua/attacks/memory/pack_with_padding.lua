-- expect: harmless
return #string.pack(("!16 i16 x"):rep(200000), table.unpack({}, 1, 200))
