-- expect: harmless
local text = ("0"):rep(190) .. "1"
while true do local _ = text + text end
