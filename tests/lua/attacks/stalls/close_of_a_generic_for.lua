-- expect: limit cpu_limit; state kept
for _ in next, {}, nil, setmetatable({}, { __close = function() while true do end end }) do end
