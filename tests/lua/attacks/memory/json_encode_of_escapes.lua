-- expect: limit memory_limit|cpu_limit; state kept
return #json.encode(("\1"):rep(12 << 20))
