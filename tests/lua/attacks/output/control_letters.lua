-- expect: nothing
local letters = {}
for i = 0, 31 do letters[#letters + 1] = string.char(i) end
print(table.concat(letters) .. "\127")
