-- expect: values [30000, 60000]
local list = {}
for i = 1, 30000 do list[i] = i end
local made = parallel.map(list, function(n) return n + n end)
return #made, made[#made]
