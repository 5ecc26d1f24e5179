-- expect: value 0
local ran = 0
local events = setmetatable({}, { __index = function() return function() ran = ran + 1 end end })
for _ = 1, 100 do setmetatable({}, events) end
collectgarbage() collectgarbage()
return ran
