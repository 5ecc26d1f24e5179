-- expect: nothing; state kept
math, utf8, os, io = nil, nil, nil, nil
for name in pairs(_G) do if type(_G[name]) == "number" then _G[name] = nil end end
