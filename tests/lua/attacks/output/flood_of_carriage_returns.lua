-- expect: limit cpu_limit|memory_limit
while true do io.write("progress\r") end
