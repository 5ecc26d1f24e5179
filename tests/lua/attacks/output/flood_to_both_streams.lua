-- expect: limit cpu_limit
while true do io.stdout:write("o") io.stderr:write("e") end
