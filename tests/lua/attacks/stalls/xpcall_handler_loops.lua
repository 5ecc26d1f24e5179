-- expect: limit cpu_limit; state kept
xpcall(error, function() while true do end end)
