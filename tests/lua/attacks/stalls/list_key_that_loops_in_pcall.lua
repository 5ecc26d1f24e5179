-- expect: limit cpu_limit; state kept
while true do
  pcall(list.sort_by, { 1, 2, 3 }, function() while true do pcall(list.map, { 1 }, error) end end)
end
