-- expect: value true
local t = {}
for i = 1, 100000 do t[i] = i end
Big = t
-- next cell
return #Big == 100000 and Big[100000] == 100000
