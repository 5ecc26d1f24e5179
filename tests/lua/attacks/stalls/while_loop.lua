-- expect: limit cpu_limit; state kept
while true do end
