-- expect: value 0
local ran = 0
local events = json.decode('{"__gc": true}')
events.__gc = nil
setmetatable({}, events)
events.__gc = function() ran = ran + 1 end
collectgarbage()
return ran
