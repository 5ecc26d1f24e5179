-- expect: value 9592
local composite, count = {}, 0
for i = 2, 100000 do
  if not composite[i] then
    count = count + 1
    for j = i * i, 100000, i do composite[j] = true end
  end
end
return count
