-- expect: nothing; state kept
for name in pairs(string) do string[name] = nil end
