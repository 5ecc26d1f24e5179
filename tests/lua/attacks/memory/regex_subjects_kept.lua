-- expect: harmless
Kept = {}
for i = 1, 200 do Kept[i] = regex.match_all(("ab"):rep(50000), "(a)(b)") end
