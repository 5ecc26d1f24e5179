-- expect: nothing; state kept
local t = { name = 1, id = 2, stack = 3, z = 4, a = 5, declared = 6, keys = 7, nulls = 8, has = 9, quoted = 10 }
print(t)
