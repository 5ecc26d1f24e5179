-- expect: value 42
local pieces, n = { "return ", "4", "2" }, 0
return load(function() n = n + 1 return pieces[n] end)()
