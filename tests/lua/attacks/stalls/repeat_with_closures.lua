-- expect: limit cpu_limit; state kept
repeat local f = function() return f end until false
