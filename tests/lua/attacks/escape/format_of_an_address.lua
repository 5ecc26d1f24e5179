-- expect: error ~ "%p"
return ("%p"):format({})
