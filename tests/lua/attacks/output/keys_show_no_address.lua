-- expect: nothing
print({ [{}] = 1, [print] = 2, [coroutine.create(print)] = 3, [function() end] = { [{}] = {} } })
