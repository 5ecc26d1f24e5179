-- expect: limit cpu_limit; state kept
for _ in ipairs(setmetatable({}, { __index = type })) do end
