-- expect: values ["a,b,c", [1, 9, 2, 3], 9, 3, [3, 4, 5, 4, 5]]
local t = { 1, 2, 3 }
table.insert(t, 2, 9)
local copy = table.move({ 1, 2, 3, 4, 5 }, 3, 5, 1)
return table.concat({ "a", "b", "c" }, ","), { table.unpack(t) }, table.remove(t, 2), #t, copy
