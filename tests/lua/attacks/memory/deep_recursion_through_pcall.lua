-- expect: harmless
local function f(n) local ok, found = pcall(f, n + 1) return ok and found or n end
return f(1)
