-- expect: limit cpu_limit|memory_limit
list.sum_by(setmetatable({}, { __index = function(_, place) return place end }), function(n) return n end)
