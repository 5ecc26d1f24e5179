-- expect: limit memory_limit|cpu_limit; state kept
return #json.decode("[" .. ("[],"):rep(2000000) .. "[]]")
