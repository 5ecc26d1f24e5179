-- expect: limit cpu_limit; state kept
while true do pcall(pcall, pcall, pcall, error) end
