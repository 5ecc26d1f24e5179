-- expect: values [3, 6, "c", "b"]
local function sum(...) local s = 0 for _, v in ipairs({ ... }) do s = s + v end return select("#", ...), s end
local n, s = sum(1, 2, 3)
return n, s, (select(-1, "a", "b", "c")), (select(2, "a", "b", "c"))
