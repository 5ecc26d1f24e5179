-- expect: harmless
local t, n = {}, 0
for i = 1, 1e5 do t[i] = i % 7 end
while true do
  pcall(table.sort, t, function() n = n + 1 return n % 3 == 0 end)
end
