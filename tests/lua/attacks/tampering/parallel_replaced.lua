-- expect: nothing; state kept
parallel.map = error
parallel = nil
local own = {}
for name in pairs(coroutine) do coroutine[name] = error end
pcall, error, type, ipairs, next, rawget = nil, nil, nil, nil, nil, nil
