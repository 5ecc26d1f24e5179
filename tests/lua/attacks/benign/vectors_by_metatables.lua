-- expect: values [4, 6, true, "(4, 6)", 2, 11, "v(1, 2)"]
local Vector = {}
Vector.__index = Vector
local function vector(x, y) return setmetatable({ x = x, y = y }, Vector) end
function Vector.__add(a, b) return vector(a.x + b.x, a.y + b.y) end
function Vector.__eq(a, b) return a.x == b.x and a.y == b.y end
function Vector.__tostring(v) return ("(%d, %d)"):format(v.x, v.y) end
function Vector.__len() return 2 end
function Vector.__call(v, other) return v.x * other.x + v.y * other.y end
function Vector.__concat(a, b) return tostring(a) .. tostring(b) end
local sum = vector(1, 2) + vector(3, 4)
return sum.x, sum.y, sum == vector(4, 6), tostring(sum), #sum, vector(1, 2)(vector(3, 4)), "v" .. vector(1, 2)
