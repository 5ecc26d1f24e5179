-- expect: limit cpu_limit
return ("a"):rep(28):find(("a?"):rep(28) .. ("a"):rep(28))
