-- expect: values [null, null, null, null]
return getmetatable(print), getmetatable(coroutine.create(print)), getmetatable(1), getmetatable(true)
