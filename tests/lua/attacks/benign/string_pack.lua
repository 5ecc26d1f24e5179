-- expect: values [1, 513, "hey", 12]
local bytes = string.pack("<i1 i2 s4 x", 1, 513, "hey")
local a, b, c, after = string.unpack("<i1 i2 s4 x", bytes)
return a, b, c, after
