-- expect: values [100000, 200000]
local list = {}
for i = 1, 100000 do list[i] = i end
local made = parallel.map(list, function(n) return n + n end)
return #made, made[#made]
