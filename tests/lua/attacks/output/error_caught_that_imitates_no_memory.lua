-- expect: limit memory_limit
return (pcall(error, "not enough memory", 0))
