-- expect: nothing; state kept
for name in pairs(string) do string[name] = function() while true do end end end
