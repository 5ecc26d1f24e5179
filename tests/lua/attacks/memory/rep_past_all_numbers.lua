-- expect: error ~ "resulting string too large"; state kept
return #("x"):rep(math.maxinteger, "yy")
