-- expect: value ["ccc", "bb", "a"]
local t = { "a", "ccc", "bb" }
table.sort(t, function(x, y) return #x > #y end)
return t
