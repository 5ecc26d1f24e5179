-- expect: values [3, 4, 3, -3, 2.0, 7, true, 8, 3, 0.5]
return math.floor(3.7), math.ceil(3.2), math.tointeger(3.0), math.floor(-2.5), math.sqrt(4), math.max(3, 7, 5), math.ult(1, -1),
  math.abs(-8), (math.modf(3.5)), (select(2, math.modf(3.5)))
