-- expect: limit memory_limit; state kept
local text = "x"
while true do text = text .. text end
