-- expect: values [false, "attack.lua:2: inside", true, "closed"]
local bad = coroutine.create(function() error("inside") end)
local ok, problem = coroutine.resume(bad)
local state = "open"
local held = coroutine.create(function()
  local x <close> = setmetatable({}, { __close = function() state = "closed" end })
  coroutine.yield()
end)
coroutine.resume(held)
return ok, problem, coroutine.close(held), state
