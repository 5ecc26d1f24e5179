-- expect: values [0, "set x", 5, 2]
local log
local defaults = setmetatable({}, { __index = function() return 0 end })
local proxy = setmetatable({}, { __newindex = function(t, k, v) log = "set " .. k rawset(t, k, v) end })
proxy.x = 5
local n = 0
for _ in pairs(setmetatable({}, { __pairs = function() return next, { 1, 2 }, nil end })) do n = n + 1 end
return defaults.missing, log, rawget(proxy, "x"), n
