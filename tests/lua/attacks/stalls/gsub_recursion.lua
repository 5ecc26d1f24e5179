-- expect: limit cpu_limit; state kept
local function f() return (("a"):gsub("a", f)) end
while true do pcall(f) end
