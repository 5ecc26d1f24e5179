-- expect: harmless
return math.random(0) == math.random(0), math.randomseed(1), math.random(0)
