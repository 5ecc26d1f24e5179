-- expect: limit memory_limit; state kept
return #(("a"):rep(10000):gsub("a", ("b"):rep(10000)))
