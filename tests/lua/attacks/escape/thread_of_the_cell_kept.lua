-- expect: harmless
Thread = coroutine.running()
-- next cell
return coroutine.status(Thread), pcall(coroutine.resume, Thread), pcall(coroutine.close, Thread)
