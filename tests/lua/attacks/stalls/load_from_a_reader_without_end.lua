-- expect: limit cpu_limit|memory_limit
return load(function() return "x " end)
