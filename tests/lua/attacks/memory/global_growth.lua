-- expect: limit memory_limit
-- What a global holds over the limit is dropped, with Lua's variables; nothing else helps.
Kept = {}
while true do Kept[#Kept + 1] = { #Kept } end
