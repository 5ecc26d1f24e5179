-- expect: limit cpu_limit
return ("a"):rep(5000):gsub(("a*"):rep(5) .. "b", "")
