-- expect: values [null, null, 7]
local scope = { x = 7 }
local f = load("return print, _G, x", "=chunk", "t", scope)
return f()
