-- expect: error ~ "string slice too long"
return (("x"):rep(8 << 20)):byte(1, -1)
