-- expect: limit memory_limit|cpu_limit
local t, n = {}, 0
while pcall(function() n = n + 1 t[n] = {} end) do end
return t
