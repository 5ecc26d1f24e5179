-- expect: values [2, 2, 2, 4]
return select("#", pcall(error, "x")), select("#", xpcall(error, function(e) return e end, "x")),
  select("#", coroutine.resume(coroutine.create(error), "x")), select("#", pcall(function() return 1, 2, 3 end))
