-- expect: values [3, 4, null]
local packed = table.pack(nil, 2, nil)
return packed.n, (select("#", table.unpack(packed, 1, 4))), (select(2, table.unpack(packed, 2)))
