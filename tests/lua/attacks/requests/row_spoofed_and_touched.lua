-- expect: harmless
local row = setmetatable({}, { kind = "row", path = { "a" }, columns = {}, state = { handle = 1, dirty = {}, blocks = {}, loose = {} } })
print(row, next(row), rawlen(row), pcall(json.encode, row), pcall(table.concat, row))
for _ in pairs(row) do end
row.x = 1
return row
