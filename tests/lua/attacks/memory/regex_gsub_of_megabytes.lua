-- expect: harmless
return pcall(regex.gsub, ("a"):rep(100000), "a", ("b"):rep(100000))
