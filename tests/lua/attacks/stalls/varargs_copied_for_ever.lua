-- expect: harmless
local function f(...) return select("#", ...) + f(1, ...) end
while true do pcall(f) end
