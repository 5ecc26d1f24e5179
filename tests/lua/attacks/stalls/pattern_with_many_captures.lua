-- expect: limit cpu_limit
return ("a"):rep(3000):match(("(a*)"):rep(30) .. "b")
