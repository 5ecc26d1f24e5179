-- expect: harmless
for level = -5, 60 do print(pcall(error, "x", level)) end
local function deep(n) if n == 0 then error("deep", 3) end deep(n - 1) end
return pcall(deep, 30)
