-- expect: limit memory_limit; state kept
while true do pcall(string.rep, "x", 1 << 30) end
