-- expect: harmless
local text = "x"
while true do text = regex.gsub(text, "x", "xxxxxxxx") end
