-- expect: harmless
local text = ("x"):rep(8 << 20)
return text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text
