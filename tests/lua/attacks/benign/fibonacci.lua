-- expect: value 832040
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local memo = {}
local function fast(n)
  if n < 2 then return n end
  memo[n] = memo[n] or fast(n - 1) + fast(n - 2)
  return memo[n]
end
assert(fib(16) == 987)
return fast(30)
