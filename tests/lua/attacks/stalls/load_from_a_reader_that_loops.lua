-- expect: limit cpu_limit; state kept
return load(function() while true do end end)
