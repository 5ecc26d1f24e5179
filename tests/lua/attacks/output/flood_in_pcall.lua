-- expect: limit cpu_limit; output ~ "cut here"
while true do pcall(print, "line") end
