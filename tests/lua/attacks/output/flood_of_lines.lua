-- expect: limit cpu_limit; output ~ "cut here"
while true do print("line") end
