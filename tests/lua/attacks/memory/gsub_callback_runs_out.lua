-- expect: limit memory_limit; state kept
return #(("x"):rep(100):gsub("x", function() return ("y"):rep(1 << 20) end))
