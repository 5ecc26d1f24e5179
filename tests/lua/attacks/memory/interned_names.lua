-- expect: limit memory_limit|cpu_limit
while true do
  local parts = {}
  for i = 1, 5000 do parts[i] = "local v" .. math.random(1 << 40) .. " " end
  for i = 1, #parts, 150 do load(table.concat(parts, "", i, math.min(i + 149, #parts))) end
  Kept = { Kept, parts }
end
