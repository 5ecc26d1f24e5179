-- expect: harmless
return coroutine.close((coroutine.running()))
