-- expect: harmless
return ("a"):rep(300000):find("a*b")
