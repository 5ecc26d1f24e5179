-- expect: limit memory_limit|cpu_limit; state kept
do
  local t, kept = {}, {}
  for i = 1, 100000 do t[i] = i end
  table.sort(t, function(a, b) kept[#kept + 1] = { a, b } return a < b end)
end
