-- expect: limit cpu_limit; state kept
while true do pcall(function() while true do end end) end
