-- expect: nothing; state kept
_G["\255"], _G["a b"], _G[""], _G["\0"], _G["\27[31m"], _G[1], _G[true], _G[print] = 1, 2, 3, 4, 5, 6, 7, 8
_G[("n"):rep(100000)] = 9
