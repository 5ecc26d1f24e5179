-- expect: limit cpu_limit; state kept
local t = setmetatable({}, { __newindex = function() end })
for _ = 1, 1900 do t = setmetatable({}, { __newindex = t }) end
while true do t.x = 1 end
