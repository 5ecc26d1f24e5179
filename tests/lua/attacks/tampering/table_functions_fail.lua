-- expect: nothing; state kept
for name in pairs(table) do table[name] = function() error("tampered") end end
