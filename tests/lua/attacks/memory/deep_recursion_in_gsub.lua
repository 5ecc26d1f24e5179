-- expect: error ~ "stack overflow"; state kept
local function f() return (("a"):gsub("a", f)) end
return f()
