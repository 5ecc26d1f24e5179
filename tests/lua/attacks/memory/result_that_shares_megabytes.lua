-- expect: harmless
local text, t = ("x"):rep(1 << 20), {}
for i = 1, 1000 do t[i] = text end
return t
