-- expect: value null
local pieces = { "\27", "Lua", "S\0" }
local n = 0
return (load(function() n = n + 1 return pieces[n] end))
