-- expect: value 1; output ~ "cut here"
for i = 1, 25000 do io.write("line\n") end
return 1
