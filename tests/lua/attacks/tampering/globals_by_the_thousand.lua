-- expect: nothing; state kept
for i = 1, 20000 do _G["v" .. i] = i end
