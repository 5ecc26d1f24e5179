-- expect: limit cpu_limit|memory_limit; state kept
while true do pcall(string.rep, "x", 1 << 24) end
-- next cell
while true do pcall(error) end
