-- expect: harmless
return { 1, [1 << 40] = 2 }, { [-1] = 1, [0] = 2, 3 }, { [math.maxinteger] = 1 }
