-- expect: limit memory_limit; state kept
return #string.pack("s8s8s8s8", ("x"):rep(9 << 20), ("x"):rep(9 << 20), ("x"):rep(9 << 20), ("x"):rep(9 << 20))
