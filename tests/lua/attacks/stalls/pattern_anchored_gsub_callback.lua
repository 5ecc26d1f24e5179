-- expect: limit cpu_limit; state kept
("x"):gsub("x", function() while true do end end)
