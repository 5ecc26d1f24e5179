-- expect: harmless
return { { ["a.b"] = 1, a = { b = 2 }, ["a."] = 3, [".b"] = 4, [""] = 5, ["a..b"] = 6 } }
