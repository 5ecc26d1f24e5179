-- expect: limit memory_limit; state kept
return #(""):rep(1e9, "x")
