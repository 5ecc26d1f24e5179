-- expect: limit memory_limit; state kept
return #(("a"):rep(1000):gsub(".*", ("%0"):rep(100000)))
