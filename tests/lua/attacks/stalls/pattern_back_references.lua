-- expect: limit cpu_limit
return ("a"):rep(4000):find("(.*)(.*)%1%2b")
