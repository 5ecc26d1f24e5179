-- expect: limit cpu_limit|memory_limit
parallel.map(setmetatable({}, { __index = function(_, place) return place end }), print)
