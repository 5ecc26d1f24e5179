-- expect: harmless
local row = {}
for i = 1, 3000 do row["c" .. i] = i end
return { row, row }
