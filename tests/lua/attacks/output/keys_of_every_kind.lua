-- expect: harmless
return { [1] = 1, [1.5] = 2, [true] = 3, [print] = 4, [{}] = 5, ["\255"] = 6, [""] = 7, [math.huge] = 8, [math.mininteger] = 9 }
