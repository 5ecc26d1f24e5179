-- expect: value [["a", "b", ""], ["1", "", "3"]]
local rows = {}
for line in ("a,b,\n1,,3\n"):gmatch("[^\n]+") do
  local row = {}
  for cell in (line .. ","):gmatch("([^,]*),") do row[#row + 1] = cell end
  rows[#rows + 1] = row
end
return rows
