-- expect: value []
local found = {}
for name in pairs(_G) do if tostring(name):find("keep") then found[#found + 1] = name end end
return json.array(found)
