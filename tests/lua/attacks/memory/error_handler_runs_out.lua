-- expect: limit memory_limit; state kept
xpcall(error, function() return ("y"):rep(1 << 26) end)
