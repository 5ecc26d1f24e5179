-- expect: value [1, 2, 5, 3]
local queue, first, last, out = {}, 1, 0, {}
for v = 1, 3 do last = last + 1 queue[last] = v end
for _ = 1, 2 do out[#out + 1] = queue[first] queue[first] = nil first = first + 1 end
local stack = { 4, 5 }
out[#out + 1] = table.remove(stack)
out[#out + 1] = queue[first]
return out
