-- expect: limit cpu_limit|memory_limit; output ~ "cut here"
while true do io.write(("\n"):rep(10000)) end
