-- expect: nothing; state kept
local events = getmetatable("")
pcall(function() events.__index = error end)
local _ = pcall(rawset, events or {}, "__index", error)
