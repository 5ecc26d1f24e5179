-- expect: values [9223372036854775807, -9223372036854775808, 1e308, 5e-324, -0.0]
return math.maxinteger, math.mininteger, 1e308, 5e-324, -0.0
