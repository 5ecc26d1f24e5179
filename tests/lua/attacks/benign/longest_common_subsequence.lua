-- expect: value 4
local a, b, t = "AGGTAB", "GXTXAYB", {}
for i = 0, #a do t[i] = {} for j = 0, #b do
  t[i][j] = (i == 0 or j == 0) and 0 or a:byte(i) == b:byte(j) and t[i - 1][j - 1] + 1 or math.max(t[i - 1][j], t[i][j - 1])
end end
return t[#a][#b]
