-- expect: values [true, false, true, ["a", "b", "c"]]
local events = { __lt = function(a, b) return a.v < b.v end, __le = function(a, b) return a.v <= b.v end }
local function box(v) return setmetatable({ v = v }, events) end
local list = { box("c"), box("a"), box("b") }
table.sort(list)
return box(1) < box(2), box(2) <= box(1), box(1) <= box(1), { list[1].v, list[2].v, list[3].v }
