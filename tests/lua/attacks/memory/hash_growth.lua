-- expect: limit memory_limit|cpu_limit; state kept
do
  local t = {}
  for i = 1, 1e9 do t["k" .. i] = true end
end
