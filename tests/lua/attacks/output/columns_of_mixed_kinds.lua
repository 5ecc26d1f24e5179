-- expect: harmless
return { { a = 1 }, { a = "x" }, { a = { b = 1 } }, { a = { 1, 2 } }, { a = true }, { a = json.null }, { a = 1e300 }, { a = math.mininteger } }
