-- expect: limit cpu_limit
return ("a "):rep(5000):find(("%f[%w].-%f[%W].-"):rep(6) .. "b")
