-- expect: harmless
return ("x"):rep(100000):find("[" .. ("abcdefgh"):rep(12500) .. "]+y")
