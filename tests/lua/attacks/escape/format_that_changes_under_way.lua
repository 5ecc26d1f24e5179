-- expect: harmless
local n = 0
local liar = setmetatable({}, { __tostring = function() n = n + 1 return "%p" end })
return ("%s"):format(liar), pcall(string.format, liar, {})
