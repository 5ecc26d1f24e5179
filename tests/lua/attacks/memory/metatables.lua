-- expect: limit memory_limit|cpu_limit
local t = {}
while true do t = setmetatable({}, { __index = t }) end
