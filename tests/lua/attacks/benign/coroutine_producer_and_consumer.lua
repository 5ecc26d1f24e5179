-- expect: output "1: one\n2: two\n"; nothing
local function producer() return coroutine.wrap(function() for _, w in ipairs({ "one", "two" }) do coroutine.yield(w) end end) end
local function numbered(source)
  return coroutine.wrap(function() local n = 0 for w in source do n = n + 1 coroutine.yield(("%d: %s"):format(n, w)) end end)
end
for line in numbered(producer()) do print(line) end
