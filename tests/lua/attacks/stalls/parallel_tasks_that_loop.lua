-- expect: limit cpu_limit; state kept
parallel.map({ 1, 2, 3 }, function() while true do end end)
