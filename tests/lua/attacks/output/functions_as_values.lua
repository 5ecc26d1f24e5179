-- expect: harmless
return print, function() end, coroutine.create(print), { print }, { x = { y = { print } } }
