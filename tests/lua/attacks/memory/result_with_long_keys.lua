-- expect: harmless
local t = {}
for i = 1, 20 do t[("k"):rep(1 << 20) .. i] = 1 end
return t
