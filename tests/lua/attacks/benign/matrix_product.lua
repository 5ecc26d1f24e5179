-- expect: value 328350
local n, a = 100, {}
for i = 1, n do a[i] = {} for j = 1, n do a[i][j] = i == j and i - 1 or 0 end end
local trace = 0
for i = 1, n do
  local s = 0
  for k = 1, n do s = s + a[i][k] * a[k][i] end
  trace = trace + s
end
return trace
