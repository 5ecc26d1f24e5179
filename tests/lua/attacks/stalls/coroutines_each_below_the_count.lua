-- expect: limit cpu_limit; state kept
while true do
  coroutine.wrap(function() for _ = 1, 900 do end end)()
end
