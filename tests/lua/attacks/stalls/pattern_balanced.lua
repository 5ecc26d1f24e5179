-- expect: harmless
return ("("):rep(300000):find("%b()")
