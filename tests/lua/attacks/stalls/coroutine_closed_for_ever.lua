-- expect: limit cpu_limit; state kept
local endless = setmetatable({}, { __close = function() while true do end end })
local thread = coroutine.create(function()
  local held <close> = endless
  coroutine.yield()
end)
coroutine.resume(thread)
while true do coroutine.close(thread) end
