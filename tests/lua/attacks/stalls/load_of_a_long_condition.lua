-- expect: harmless
return load("return " .. ("x and "):rep(150000) .. "x")
