-- expect: harmless
local function loop() while true do end end
local key = setmetatable({}, { __tostring = loop, __eq = loop, __lt = loop, __len = loop, __name = "x\255" })
print({ [key] = key })
return { [key] = key }
