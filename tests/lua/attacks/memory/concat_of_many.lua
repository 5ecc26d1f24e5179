-- expect: limit memory_limit; state kept
do
  local t = {}
  for i = 1, 20 do t[i] = ("x"):rep(1 << 20) end
  print(#table.concat(t))
end
