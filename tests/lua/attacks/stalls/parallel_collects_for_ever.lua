-- expect: limit cpu_limit|memory_limit; state kept
while true do
  parallel.map({ 1, 2, 3 }, function() error({}) end, { errors = "collect" })
end
