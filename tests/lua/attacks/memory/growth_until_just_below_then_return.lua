-- expect: harmless
-- Almost full, in tiny steps, so that whatever comes next meets the limit.
Kept = {}
while collectgarbage("count") < 32 * 1024 - 64 do Kept[#Kept + 1] = {} end
return Kept
