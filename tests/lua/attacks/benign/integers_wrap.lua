-- expect: values [true, -9223372036854775808, "integer", "float"]
return math.maxinteger + 1 == math.mininteger, math.maxinteger + 1, math.type(1), math.type(1.0)
