-- expect: error ~ "attempt to index"
return load("return print", "=chunk", "t", nil)()
