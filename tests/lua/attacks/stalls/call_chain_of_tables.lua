-- expect: harmless
local t = function() end
for _ = 1, 100000 do t = setmetatable({}, { __call = t }) end
while true do pcall(t) end
