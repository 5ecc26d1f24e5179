-- expect: harmless
local function f(a, b, c, d, e) local g, h, i, j = a, b, c, d return f(g, h, i, j, e) + 1 end
while true do pcall(f) end
