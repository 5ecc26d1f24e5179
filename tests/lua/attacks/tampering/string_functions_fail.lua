-- expect: nothing; state kept
for name in pairs(string) do string[name] = function() error("tampered") end end
