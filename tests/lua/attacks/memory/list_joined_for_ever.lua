-- expect: limit memory_limit
local text = { "x" }
while true do text = list.map({ 1 }, function() return list.join({ text[1], text[1] }, "") end) end
