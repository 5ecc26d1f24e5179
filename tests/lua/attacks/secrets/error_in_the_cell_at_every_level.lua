-- expect: error ~ "x"
local function f() error("x", 7) end
local function g() f() end
g()
