-- expect: limit memory_limit; state kept
return #("x"):rep(1 << 30)
