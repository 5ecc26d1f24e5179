-- expect: values ["thread", true, "running"]
local thread, is_main = coroutine.running()
return type(thread), is_main, coroutine.status(thread)
