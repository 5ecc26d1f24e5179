-- expect: value false
return (coroutine.resume((coroutine.running())))
