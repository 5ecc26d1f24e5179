-- expect: value 0
local ran, events = 0, {}
for _ = 1, 100 do setmetatable({}, events) end
events.__gc = function() ran = ran + 1 end
collectgarbage() collectgarbage()
return ran
