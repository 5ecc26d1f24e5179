-- expect: limit cpu_limit
return ("a"):rep(3000):find(("a-"):rep(4) .. "b")
