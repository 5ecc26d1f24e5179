-- expect: values [3, "[string \"return +\"]:1: unexpected symbol near '+'", 5, null]
local f, problem = load("return +")
return load("return 1 + 2")(), problem, load("return x", "chunk", "t", { x = 5 })(), f
