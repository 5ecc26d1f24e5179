-- expect: harmless
table.move({}, math.mininteger, -1, math.mininteger + 1)
