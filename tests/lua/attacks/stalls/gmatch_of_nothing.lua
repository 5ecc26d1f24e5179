-- expect: limit cpu_limit; state kept
while true do for _ in ("x"):rep(1000):gmatch("") do end end
