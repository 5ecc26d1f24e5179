-- expect: limit cpu_limit; output ""
while true do io.write("") end
