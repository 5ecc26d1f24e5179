-- expect: values [true, 1, true, 7, true, "end", "dead", false, "cannot resume dead coroutine"]
local thread = coroutine.create(function(a)
  local b = coroutine.yield(a)
  local _ = coroutine.yield(a + b)
  return "end"
end)
local ok1, v1 = coroutine.resume(thread, 1)
local ok2, v2 = coroutine.resume(thread, 6)
local ok3, v3 = coroutine.resume(thread)
return ok1, v1, ok2, v2, ok3, v3, coroutine.status(thread), coroutine.resume(thread)
