-- expect: limit cpu_limit
local form = ("i16"):rep(200000)
while true do string.packsize(form) end
