-- expect: harmless
return { [1] = "a", ["1"] = "b", x = 1 }
