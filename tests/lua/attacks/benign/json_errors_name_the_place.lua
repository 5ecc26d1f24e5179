-- expect: error ~ "a.b[2]: a function has no JSON form"
return json.encode({ a = { b = { 1, print } } })
